// Which language a file is in, by its name; a language is loaded when a file of it is opened.
import type { Extension } from "@codemirror/state";

const LOADERS: Readonly<Record<string, () => Promise<Extension>>> = {
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

async function script(options: { jsx?: boolean; typescript?: boolean }): Promise<Extension> {
  return (await import("@codemirror/lang-javascript")).javascript(options);
}

/** The language of a file; an empty extension where there is none for it. */
export async function languageOf(path: string): Promise<Extension> {
  const ending = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  return (await LOADERS[SAME[ending] ?? ending]?.()) ?? [];
}
