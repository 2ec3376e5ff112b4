// The language server of a file, for its editor: loaded when the API has one for its name.
import type { Extension } from "@codemirror/state";
import { use, useEffect, useRef, useState } from "react";
import { type Api, useApi } from "../data/api.ts";
import type { LanguageServer, Problems } from "../editor/language-server.ts";
import type { Symbols } from "../editor/symbols.ts";
import { PlacesContext } from "../prose/prose.tsx";
import { useNotices } from "../ui/notices.tsx";

const LONGEST = 400_000; // characters of a text: as JSON it stays below the 1 MiB of a message

/** Which server knows a file by its name, and as what. */
function serverOf({ languageServers }: Api, path: string): { server: string; language: string } | undefined {
  const suffix = /\.[^./]+$/.exec(path.toLowerCase())?.[0] ?? "";
  for (const [server, languages] of Object.entries(languageServers)) {
    const language = Object.hasOwn(languages, suffix) ? languages[suffix] : undefined;
    if (language !== undefined) return { server, language };
  }
  return undefined;
}

interface Server {
  readonly extension: Extension;
  readonly problems: Problems | null;
  readonly sync: () => void; // before the text is saved
}

/** What an editor of this file has of a language server by now, and what that has found in the text of `length`. */
export function useLanguageServer(projectId: string, path: string, length: number, symbols: Symbols): Server {
  const isTooLong = length > LONGEST;
  const [extension, setExtension] = useState<Extension>(NONE);
  const [problems, setProblems] = useState<Problems | null>(null);
  const http = useApi();
  const around = { places: use(PlacesContext), say: useNotices(), symbols };
  const current = useRef<LanguageServer>(null);
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
      const found = serverOf(http, path);
      if (found === undefined) return;
      const { server, language } = found;
      const { watchServer } = await import("./language-servers.ts");
      if (isGone) return;
      const surroundings = {
        has: (other: string) => latest.current.places?.has(other) ?? false,
        open: (other: string) => latest.current.places?.open(other, undefined),
        say: (words: string) => latest.current.say(words),
      };
      leave = watchServer(http, projectId, server, surroundings, (there) => {
        if (isGone) return;
        current.current = there;
        setProblems(null);
        setExtension(there === null ? NONE : there.attach(path, language, told));
      });
    }
    if (!isTooLong) void join();
    return () => {
      isGone = true;
      leave?.();
      current.current = null;
      setProblems(null);
      setExtension(NONE);
    };
  }, [projectId, path, http, isTooLong]);
  return { extension, problems, sync: () => current.current?.sync() };
}

const NONE: Extension = [];
