// What an answer consists of, from what is streamed of it. Pure: a viewer's cursor and screen are elsewhere.
import type { Infer } from "convex/values";
import type { deltaPage } from "../../../convex/model/deltas.ts";
import type { turnPart } from "../../../convex/model/validators.ts";

type Run = Pick<Infer<typeof deltaPage>["runs"][number], "part" | "kind" | "text" | "toolCallId">;
type Part = Pick<Infer<typeof turnPart>, "type" | "text" | "toolCallId"> & { turn: number };

interface Place {
  readonly key: string; // the same for what is streamed and what is stored: nothing is drawn anew at the end
  readonly turn: number;
}

export interface Prose extends Place {
  readonly kind: "text" | "thinking" | "condensing";
  readonly text: string;
}

export interface Call extends Place {
  readonly kind: "call";
  readonly callId: string;
  readonly name: string; // empty until its card is there, for what is stored
  readonly input: string; // as far as it was streamed, as the next
  readonly output: string;
}

export type Segment = Prose | Call;

/** The segments after these runs. Those that no run touches stay the same objects. */
export function applied(segments: readonly Segment[], runs: readonly Run[]): readonly Segment[] {
  let now = segments;
  for (const run of runs) now = after(now, run);
  return now;
}

function after(segments: readonly Segment[], run: Run): readonly Segment[] {
  const { part, kind, text, toolCallId = "" } = run;
  switch (kind) {
    case "reset":
      return segments.filter(({ turn }) => turn < part);
    case "text":
    case "thinking":
    case "condensing":
      return withProse(segments, part, kind, text);
    case "toolCall":
      return withCall(segments, part, toolCallId, (call) => ({ ...call, name: text }));
    case "toolInput":
      return withCall(segments, part, toolCallId, (call) => ({ ...call, input: call.input + text }));
    case "output":
      return withCall(segments, part, toolCallId, (call) => ({ ...call, output: call.output + text }));
    case "outputReset":
      return withCall(segments, part, toolCallId, (call) => ({ ...call, output: "" }));
  }
}

function withProse(segments: readonly Segment[], turn: number, kind: Prose["kind"], text: string): readonly Segment[] {
  const last = segments.at(-1);
  if (last?.turn === turn && last.kind === kind) return [...segments.slice(0, -1), { ...last, text: last.text + text }];
  const nth = segments.filter((each) => each.turn === turn && each.kind === kind).length;
  return [...segments, { key: `${turn}.${kind}.${nth}`, turn, kind, text }];
}

function withCall(segments: readonly Segment[], turn: number, callId: string, change: (call: Call) => Call): readonly Segment[] {
  const at = segments.findIndex((each) => each.kind === "call" && each.turn === turn && each.callId === callId);
  const known = segments[at];
  if (known?.kind === "call") return segments.with(at, change(known));
  return [...segments, change({ key: `${turn}.call.${callId}`, turn, kind: "call", callId, name: "", input: "", output: "" })];
}

/**
 * The segments of an answer that has ended: its stored parts, and what was streamed after them, of a turn that was
 * stopped. A segment that says the same as a streamed one is that object.
 */
export function settled(parts: readonly Part[], streamed: readonly Segment[]): readonly Segment[] {
  let stored: readonly Segment[] = [];
  for (const { turn, type, text = "", toolCallId = "" } of parts) {
    stored =
      type === "toolCall" ? withCall(stored, turn, toolCallId, (call) => call) : text === "" ? stored : withProse(stored, turn, type, text);
  }
  const known = new Map(streamed.map((segment) => [segment.key, segment]));
  const last = parts.at(-1)?.turn ?? -1;
  const same = stored.map((segment) => {
    const seen = known.get(segment.key);
    if (segment.kind === "call") return seen ?? segment;
    return seen !== undefined && seen.kind !== "call" && seen.text === segment.text ? seen : segment;
  });
  return [...same, ...streamed.filter(({ turn }) => turn > last)];
}

/** With what the whole text of the answer has beyond them: a remark of the product, or text of a turn that was stopped. */
export function withRest(segments: readonly Segment[], content: string): readonly Segment[] {
  let at = 0;
  for (const segment of segments) {
    if (segment.kind !== "text") continue;
    const found = content.indexOf(segment.text.trim(), at);
    if (found < 0) return segments;
    at = found + segment.text.trim().length;
  }
  const rest = content.slice(at).trim();
  if (rest === "") return segments;
  const turn = (segments.at(-1)?.turn ?? 0) + 1;
  return [...segments, { key: `${turn}.text.0`, turn, kind: "text", text: rest }];
}
