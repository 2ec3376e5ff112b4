// What a message is sent with: images, and files of the project.
import { useQuery } from "convex/react";
import { use, useState } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Message } from "../data/answer.ts";
import { type Api, useApi } from "../data/api.ts";
import { PlacesContext } from "../prose/prose.tsx";
import { IconButton } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { useNotices } from "../ui/notices.tsx";
import { wordsOf } from "../ui/problems.ts";
import styles from "./attachments.module.css";

/** As it is sent, with what is shown of it before. */
export type Attached =
  | { readonly kind: "image"; readonly name: string; readonly attachmentId: string; readonly preview: string }
  | { readonly kind: "file"; readonly path: string };

export const MOST_ATTACHED = 20;
const IMAGES = /^image\/(png|jpeg|webp)$/;

/** For the body of a message. */
export function toSend(attached: readonly Attached[]): object[] {
  return attached.map((each) => (each.kind === "image" ? { attachmentId: each.attachmentId } : { path: each.path }));
}

/** The attachments of a message that is being written; images are uploaded as they come. */
export function useAttached(projectId: string) {
  const http = useApi();
  const say = useNotices();
  const [attached, setAttached] = useState<readonly Attached[]>([]);
  const [uploading, setUploading] = useState(0);
  const add = (each: Attached) => setAttached((before) => [...before, each].slice(0, MOST_ATTACHED));
  async function addImage(file: File) {
    setUploading((count) => count + 1);
    try {
      add(await uploaded(http, projectId, file));
    } catch (error) {
      say(`${file.name} is not attached. ${wordsOf(error)}`);
    } finally {
      setUploading((count) => count - 1);
    }
  }
  return {
    attached,
    isUploading: uploading > 0,
    addFile: (path: string) => add({ kind: "file", path }),
    addImages: (files: Iterable<File>): boolean => {
      const images = [...files].filter(({ type }) => IMAGES.test(type));
      for (const image of images) void addImage(image);
      return images.length > 0;
    },
    remove: (at: number) => setAttached((before) => before.toSpliced(at, 1)),
    clear: () => setAttached([]),
  };
}

async function uploaded(http: Api, projectId: string, file: File): Promise<Attached> {
  const address = `/projects/${projectId}/attachments?name=${encodeURIComponent(file.name || "image")}`;
  const { attachmentId } = await http.call<{ attachmentId: string }>("POST", address, file);
  return { kind: "image", name: file.name, attachmentId, preview: URL.createObjectURL(file) };
}

export function Chips({ attached, onRemove }: { attached: readonly Attached[]; onRemove: (at: number) => void }) {
  if (attached.length === 0) return null;
  return (
    <ul className={styles.chips} aria-label="Attached">
      {attached.map((each, at) => (
        <li key={at}>
          {each.kind === "image" ? <img src={each.preview} alt="" /> : <Icon name="file" />}
          <span>{each.kind === "image" ? each.name : each.path}</span>
          <IconButton icon="close" label={`Do not attach ${each.kind === "image" ? each.name : each.path}`} onClick={() => onRemove(at)} />
        </li>
      ))}
    </ul>
  );
}

/** Those of a message that was sent. */
export function Sent({ message }: { message: Message }) {
  const places = use(PlacesContext);
  return (
    <ul className={styles.sent} aria-label="Attached">
      {message.attachments?.map(({ type, path = "", startLine, endLine, isCut, ...image }, at) => (
        <li key={at}>
          {type === "image" ? (
            <Image messageId={message._id} at={at} name={image.name ?? "image"} width={image.width} height={image.height} />
          ) : (
            <button type="button" disabled={!places?.has(path)} onClick={() => places?.open(path, startLine)}>
              <Icon name="file" />
              {path}
              {startLine === undefined ? "" : `:${startLine}${endLine === undefined ? "" : `-${endLine}`}`}
              {isCut === true && " (its beginning)"}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

interface ImageProps {
  messageId: Message["_id"];
  at: number;
  name: string;
  width: number | undefined;
  height: number | undefined;
}

/** Its place is kept while it is loaded. Convex may name an address of its own: the same path leads there through ours. */
function Image({ messageId, at, name, width, height }: ImageProps) {
  const address = useQuery(api.messages.attachmentUrl, { messageId, index: at });
  const source = address ? `/convex${new URL(address, location.origin).pathname.replace(/^\/convex/, "")}` : undefined;
  return <img src={source} alt={name} title={name} width={width} height={height} />;
}
