// What a page with `useChat` does in happy-dom: it sends, shows each chunk by the package's own schema, and resumes.
import { Chat, useChat } from "@ai-sdk/react";
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
  uiMessageChunkSchema,
  validateUIMessages,
  type UIMessage,
} from "ai";
import { Window } from "happy-dom";

interface Given {
  url: string;
  token: string;
  chatId: string;
  text: string;
  leaves: boolean; // goes at the first text, and comes back as another page
  approves?: boolean; // what is said to each approval
  chooses?: string; // what is said to each question
}

const given = JSON.parse(process.argv[2] ?? "{}") as Given;
const page = new Window({ url: "http://127.0.0.1/" });
Object.assign(globalThis, { window: page, document: page.document, IS_REACT_ACT_ENVIRONMENT: false });
const { createElement } = await import("react");
const { createRoot } = await import("react-dom/client");

const wrong: string[] = [];
const kinds: string[] = [];
let requests = 0;
const check = uiMessageChunkSchema();

async function seen(body: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const piece of body) text += decoder.decode(piece, { stream: true });
  } catch {
    return; // the page has left
  }
  for (const [, data] of text.matchAll(/^data:(.*)$/gm)) {
    if (data === undefined || data.trim() === "[DONE]") continue;
    const chunk = JSON.parse(data) as { type: string };
    kinds.push(chunk.type);
    const found = await check.validate?.(chunk);
    if (!found?.success) wrong.push(data);
  }
}

const watched: typeof fetch = async (input, init) => {
  requests += 1;
  const answer = await fetch(input, init);
  if (answer.body === null || !answer.ok) return answer;
  const [theirs, ours] = answer.body.tee();
  void seen(ours);
  return new Response(theirs, { status: answer.status, headers: answer.headers });
};

const failures: string[] = [];
const chatOf = (messages: UIMessage[]) =>
  new Chat({
    id: given.chatId,
    messages,
    transport: new DefaultChatTransport({
      api: `${given.url}/api/chat`,
      headers: { Authorization: `Bearer ${given.token}` },
      fetch: watched,
      prepareSendMessagesRequest: ({ id, messages: all, trigger, messageId }) => ({
        body: { id, messages: all.slice(-1), trigger, messageId },
      }),
    }),
    sendAutomaticallyWhen: (shown) =>
      lastAssistantMessageIsCompleteWithApprovalResponses(shown) || lastAssistantMessageIsCompleteWithToolCalls(shown),
    onError: (error) => failures.push(String(error)),
  });

let shown!: ReturnType<typeof useChat>;
function Page({ chat }: { chat: Chat<UIMessage> }) {
  shown = useChat({ chat });
  return createElement("p", null, shown.messages.map(textOf).join("\n"));
}

function textOf(message: UIMessage): string {
  return message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + 40_000;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`not reached: ${JSON.stringify({ failures, shown: shown?.messages })}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

function open(chat: Chat<UIMessage>) {
  const place = page.document.createElement("div");
  const root = createRoot(place);
  root.render(createElement(Page, { chat }));
  return { place, close: () => root.unmount() };
}

const answer = () => shown.messages.at(-1);
const waiting = () =>
  (answer()?.parts ?? []).flatMap((part) =>
    "approval" in part && part.state === "approval-requested" && part.approval ? [part.approval.id] : [],
  );
const questions = () =>
  (answer()?.parts ?? []).flatMap((part) =>
    part.type === "tool-askUser" && "toolCallId" in part && part.state === "input-available" ? [part.toolCallId] : [],
  );
const isAsked = () => shown.status === "ready" && waiting().length + questions().length > 0;
const isDone = () => shown.status === "ready" && answer()?.role === "assistant" && !isAsked();

let opened = open(chatOf([]));
await until(() => shown !== undefined);
void shown.sendMessage({ text: given.text });
if (given.leaves) {
  await until(() => answer()?.role === "assistant" && textOf(answer()!).length > 0);
  await shown.stop();
  const mine = shown.messages.filter((message) => message.role === "user");
  opened.close();
  opened = open(chatOf(mine));
  await until(() => shown.messages.length === mine.length);
  void shown.resumeStream();
}
const isOver = () => isDone() || failures.length > 0;
const answered = new Set<string>(); // what is shown may be older than what was said
const unanswered = (ids: string[]) => ids.filter((id) => !answered.has(id));
await until(() => isAsked() || isOver());
while (!isOver()) {
  await until(() => isOver() || (shown.status === "ready" && unanswered([...waiting(), ...questions()]).length > 0));
  for (const id of unanswered(waiting())) {
    answered.add(id);
    await shown.addToolApprovalResponse({ id, approved: given.approves ?? false });
  }
  for (const toolCallId of unanswered(questions())) {
    answered.add(toolCallId);
    await shown.addToolOutput({ tool: "askUser", toolCallId, output: given.chooses ?? "" });
  }
}
await new Promise((done) => setTimeout(done, 300));
const messages = await validateUIMessages({ messages: shown.messages });
process.stdout.write(JSON.stringify({ messages, text: opened.place.textContent, kinds, wrong, failures, requests, status: shown.status }));
process.exit(0);
