// A project with an agent that changes files turn by turn, and a person who does so too, for the tests of checkpoints.
import { contentFromText } from "../../convex/model/files.ts";
import { ANN, api, type Backend, backend, begin, chat, complete, KEY, send, USAGE } from "./backend.ts";

export type Edit =
  | { kind: "write"; path: string; text: string }
  | { kind: "delete"; path: string }
  | { kind: "rename"; path: string; newPath: string }
  | { kind: "makeFolder"; path: string };

type Undo = { from: number; isPartial: boolean; expected: { path: string; sha256: string }[] };

export class Desk {
  readonly b: Backend;
  readonly projectId: string;
  readonly conversationId: string;
  private answer: { messageId: string; epoch: number; turn: number } | null = null;

  constructor(b: Backend, projectId: string, conversationId: string) {
    this.b = b;
    this.projectId = projectId;
    this.conversationId = conversationId;
  }

  get owned() {
    return { internalKey: KEY, ownerId: ANN, projectId: this.projectId };
  }

  /** A turn of the agent with one call for each list of edits; the answer goes on until `end`. */
  async turn(...calls: Edit[][]): Promise<void> {
    await this.turnWith({}, ...calls);
  }

  async turnWith({ undo }: { undo?: Undo }, ...calls: Edit[][]): Promise<void> {
    const { messageId, epoch, turn } = await this.writing();
    const ids = calls.map((_, index) => `call-${turn}-${index}`);
    await this.b.t.mutation(api.system.streaming.recordTurn, {
      internalKey: KEY,
      messageId,
      epoch,
      turn: { turn, parts: [], stopReason: "tool_calls", model: "m", usage: USAGE, droppedCalls: [] },
      toolCalls: ids.map((toolCallId) => ({ toolCallId, name: "editFile", argumentsJson: "{}" })),
    });
    for (const [index, edits] of calls.entries()) await this.call(ids[index] ?? "", edits, undo);
    if (this.answer !== null) this.answer.turn += 1;
  }

  async call(toolCallId: string, edits: Edit[], undo?: Undo): Promise<void> {
    const { messageId, epoch, turn } = await this.writing();
    const rows = [];
    for (const edit of edits) rows.push(edit.kind === "write" ? await this.write(edit) : edit);
    await this.b.t.mutation(api.system.streaming.finishToolCall, {
      ...{ internalKey: KEY, messageId, epoch, turn, toolCallId, output: "done", isError: false },
      edits: rows,
      undo,
    });
  }

  async end(): Promise<void> {
    if (this.answer === null) return;
    await complete(this.b, this.answer.messageId, this.answer.epoch, "Done.");
    this.answer = null;
  }

  async writing(): Promise<{ messageId: string; epoch: number; turn: number }> {
    if (this.answer === null) {
      const { messageId } = await send(this.b, this.conversationId);
      const { epoch } = await begin(this.b, messageId);
      this.answer = { messageId, epoch, turn: 0 };
    }
    return this.answer;
  }

  /** What a person does to a file. */
  async person(path: string, text: string): Promise<void> {
    const file = { path, ...(await contentFromText(text)) };
    await this.b.t.mutation(api.system.files.write, { ...this.owned, file });
  }

  async personRemoves(path: string): Promise<void> {
    await this.b.t.mutation(api.system.files.remove, { ...this.owned, path });
  }

  async checkpoints() {
    return (await this.b.t.query(api.system.checkpoints.list, { ...this.owned, limit: 50 })).items;
  }

  async files(checkpointId: string) {
    return (await this.b.t.query(api.system.checkpoints.get, { ...this.owned, checkpointId, limit: 50 })).files.items;
  }

  async restore(checkpointId: string, externalId = `restore-${Math.random()}`) {
    for (;;) {
      const made = await this.b.t.mutation(api.system.checkpoints.restore, { ...this.owned, checkpointId, externalId });
      if (made.isDone) return made;
    }
  }

  async review(checkpointId: string, path: string, judged: { accept?: string[]; reject?: string[] }) {
    const args = { ...this.owned, checkpointId, path, accept: judged.accept ?? [], reject: judged.reject ?? [] };
    return await this.b.t.mutation(api.system.checkpoints.review, args);
  }

  /** Every path of the project: its text, or null for a folder. */
  async tree(): Promise<Record<string, string | null>> {
    const found: Record<string, string | null> = {};
    const page = await this.b.t.query(api.system.files.list, { ...this.owned, limit: 1_000 });
    for (const { path, kind } of page.items) {
      if (kind === "folder") found[path] = null;
      else found[path] = (await this.b.t.query(api.system.files.read, { ...this.owned, path })).text ?? "<blob>";
    }
    return found;
  }

  private async write({ path, text }: { path: string; text: string }) {
    const known = await this.b.t.query(api.system.files.readMany, { ...this.owned, paths: [path] });
    const expectedSha256 = known.files[0]?.entry.sha256 ?? "";
    return { kind: "write" as const, path, expectedSha256, ...(await contentFromText(text)) };
  }
}

export async function desk(): Promise<Desk> {
  const b = backend();
  const { projectId, conversationId } = await chat(b);
  return new Desk(b, projectId, conversationId);
}

export function write(path: string, text: string): Edit {
  return { kind: "write", path, text };
}

export function remove(path: string): Edit {
  return { kind: "delete", path };
}

export function rename(path: string, newPath: string): Edit {
  return { kind: "rename", path, newPath };
}

export function folder(path: string): Edit {
  return { kind: "makeFolder", path };
}
