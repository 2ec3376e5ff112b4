// Which language a file is in, by its name; a language is loaded when a file of it is opened.
import type { LanguageSupport } from "@codemirror/language";
import type { Extension } from "@codemirror/state";

const LOADERS: Readonly<Record<string, () => Promise<LanguageSupport>>> = {
  js: () => script({ jsx: true }),
  ts: () => script({ typescript: true }),
  tsx: () => script({ typescript: true, jsx: true }),
  py: async () => (await import("@codemirror/lang-python")).python(),
  css: async () => (await import("@codemirror/lang-css")).css(),
  html: async () => (await import("@codemirror/lang-html")).html(),
  json: async () => (await import("@codemirror/lang-json")).json(),
  md: async () => (await import("@codemirror/lang-markdown")).markdown(),
};
const SAME: Readonly<Record<string, string>> = {
  jsx: "js",
  mjs: "js",
  cjs: "js",
  mts: "ts",
  cts: "ts",
  pyi: "py",
  htm: "html",
  svg: "html",
  vue: "html",
  jsonc: "json",
  markdown: "md",
  mdx: "md",
  scss: "css",
  less: "css",
};

async function script(options: { jsx?: boolean; typescript?: boolean }): Promise<LanguageSupport> {
  return (await import("@codemirror/lang-javascript")).javascript(options);
}

/** The language of a file by its ending; undefined where there is none for it. */
export async function supportOf(ending: string): Promise<LanguageSupport | undefined> {
  const known = ending.toLowerCase();
  return await LOADERS[SAME[known] ?? known]?.();
}

/** The language of a file, for an editor. */
export async function languageOf(path: string): Promise<Extension> {
  return (await supportOf(path.slice(path.lastIndexOf(".") + 1))) ?? [];
}
