// What the `ai` package makes of UI message streams: chunks that its schema refuses, and the messages they come to.
import { readFile } from "node:fs/promises";
import { readUIMessageStream, simulateReadableStream, uiMessageChunkSchema, type UIMessage, type UIMessageChunk } from "ai";

const given = JSON.parse(process.argv[2] ?? "{}") as { file: string };
const streams = JSON.parse(await readFile(given.file, "utf8")) as UIMessageChunk[][];
const check = uiMessageChunkSchema();
const wrong: unknown[] = [];

async function messageOf(chunks: UIMessageChunk[]): Promise<UIMessage | null> {
  const told = new Set(chunks.map((chunk) => (chunk.type === "error" ? chunk.errorText : "")));
  let last: UIMessage | null = null;
  const onError = (error: unknown) => {
    if (!(error instanceof Error && told.has(error.message))) wrong.push(String(error));
  };
  for await (const message of readUIMessageStream({
    stream: simulateReadableStream({ chunks, initialDelayInMs: null, chunkDelayInMs: null }),
    onError,
  }))
    last = message;
  return last;
}

const messages: (UIMessage | null)[] = [];
for (const chunks of streams) {
  for (const chunk of chunks) if (!(await check.validate?.(chunk))?.success) wrong.push(chunk);
  messages.push(await messageOf(chunks));
}
process.stdout.write(JSON.stringify({ wrong, messages }), () => process.exit(0));
