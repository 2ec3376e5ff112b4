// The language server of a file, for its editor: loaded when the API has one for its name.
import type { Extension } from "@codemirror/state";
import { use, useEffect, useRef, useState } from "react";
import { type Api, useApi } from "../data/api.ts";
import type { Problems } from "../editor/language-server.ts";
import type { Symbols } from "../editor/symbols.ts";
import { PlacesContext } from "../prose/prose.tsx";
import { useNotices } from "../ui/notices.tsx";

type Servers = Readonly<Record<string, Readonly<Record<string, string>>>>;

const LONGEST = 400_000; // characters of a text: as JSON it stays below the 1 MiB of a message

let asked: Promise<Servers> | undefined;

async function serversOf(http: Api): Promise<Servers> {
  asked ??= http.call<{ languageServers: Servers }>("GET", "/session").then(({ languageServers }) => languageServers);
  return await asked.catch(() => {
    asked = undefined; // it is asked again for the next file
    return {};
  });
}

interface Server {
  readonly extension: Extension;
  readonly problems: Problems | null;
}

/** What an editor of this file has of a language server by now, and what that has found in the text of `length`. */
export function useLanguageServer(projectId: string, path: string, length: number, symbols: Symbols): Server {
  const isTooLong = length > LONGEST;
  const [extension, setExtension] = useState<Extension>(NONE);
  const [problems, setProblems] = useState<Problems | null>(null);
  const http = useApi();
  const around = { places: use(PlacesContext), say: useNotices(), symbols };
  const latest = useRef(around);
  latest.current = around;
  useEffect(() => {
    let leave: (() => void) | undefined;
    let isGone = false;
    const told = {
      problems: setProblems,
      uses: (...found: Parameters<Symbols["uses"]>) => latest.current.symbols.uses(...found),
      rename: (...asked: Parameters<Symbols["rename"]>) => latest.current.symbols.rename(...asked),
    };
    async function join() {
      const suffix = /\.[^./]+$/.exec(path.toLowerCase())?.[0] ?? "";
      const found = Object.entries(await serversOf(http)).find(([, languages]) => Object.hasOwn(languages, suffix));
      if (found === undefined || isGone) return;
      const [server, { [suffix]: language = "" }] = found;
      const { watchServer } = await import("./language-servers.ts");
      if (isGone) return;
      const surroundings = {
        has: (other: string) => latest.current.places?.has(other) ?? false,
        open: (other: string) => latest.current.places?.open(other, undefined),
        say: (words: string) => latest.current.say(words),
      };
      leave = watchServer(http, projectId, server, surroundings, (attach) => {
        if (isGone) return;
        setProblems(null);
        setExtension(attach === null ? NONE : attach(path, language, told));
      });
    }
    if (!isTooLong) void join();
    return () => {
      isGone = true;
      leave?.();
      setProblems(null);
      setExtension(NONE);
    };
  }, [projectId, path, http, isTooLong]);
  return { extension, problems };
}

const NONE: Extension = [];
