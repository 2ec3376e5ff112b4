// A person's answer to a request: once, by the owner, with the event that wakes the run in the same mutation.
import type { Infer } from "convex/values";
import type { Doc } from "../../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../../_generated/server";
import { find } from "../access.ts";
import { keepRaise, toBudget } from "../budgets.ts";
import { conflict, notFound, refused } from "../errors.ts";
import { emit } from "../outbox.ts";
import { changeSettings, type Rule } from "../settings.ts";
import type { askAnswer } from "../validators.ts";
import { reread } from "./asking.ts";

const MAX_TEXT = 10_000;
const MOST_OPEN = 100;

type Ask = Doc<"asks">;
type Answer = Infer<typeof askAnswer>;

export async function ownedAsk(ctx: QueryCtx, ownerId: string, askId: string): Promise<Ask> {
  const ask = await find(ctx, "asks", askId);
  const project = ask && (await ctx.db.get(ask.projectId));
  const conversation = ask && (await ctx.db.get(ask.conversationId));
  const isThere = project?.deletedAt === undefined && conversation?.deletedAt === undefined;
  if (!ask || !project || !conversation || project.ownerId !== ownerId || !isThere) throw notFound("Ask not found");
  return ask;
}

/**
 * Keeps the answer of the owner, and tells the run. What is allowed for the run, or for always, answers the open
 * requests of the same answer that it covers, too; for always, the project gets a rule. The same `key` again changes nothing.
 */
export async function answerAsk(
  ctx: MutationCtx,
  ask: Ask,
  { ownerId, key, ...given }: { ownerId: string; answer: Answer; key?: string }, // no key: a page, which sends no events
): Promise<{ ask: Ask; events: Doc<"outbox">[] }> {
  if (ask.status === "answered") {
    if (key !== undefined && ask.answerKey === key) return { ask, events: await pendingOf(ctx, ask) };
    throw conflict("already_answered", "This was answered before; the first answer counts");
  }
  if (ask.status !== "open" || ask.expiresAt <= Date.now()) {
    throw conflict("ask_closed", "Nobody waits for an answer to this any more");
  }
  const answer = toKind(ask, given.answer);
  if (answer.scope === "always") await allowAlways(ctx, ask);
  await keepRaise(ctx, ask, answer, ownerId);
  const events: Doc<"outbox">[] = [];
  for (const one of [ask, ...(await coveredToo(ctx, ask, answer))]) {
    await ctx.db.patch(one._id, { status: "answered", answer, endedAt: Date.now(), ...(one === ask && { answerKey: key }) });
    events.push(await emit(ctx, answered(one, ownerId), key === undefined ? 0 : undefined));
  }
  return { ask: await reread(ctx, ask._id), events };
}

function answered({ _id, messageId, conversationId, projectId }: Ask, userId: string) {
  const data = { askId: _id, messageId, conversationId, projectId };
  return { eventId: eventId(_id), name: "ask/answered" as const, data, userId };
}

function eventId(askId: Ask["_id"]): string {
  return `${askId}:answered`;
}

async function pendingOf(ctx: QueryCtx, ask: Ask): Promise<Doc<"outbox">[]> {
  return await ctx.db
    .query("outbox")
    .withIndex("by_event", (q) => q.eq("eventId", eventId(ask._id)))
    .take(1);
}

function toKind(ask: Ask, answer: Answer): Answer {
  switch (ask.kind) {
    case "question":
      return toQuestion(ask, answer);
    case "approval":
      return toApproval(ask, answer);
    case "budget":
      return toBudget(ask, answer);
  }
}

function toQuestion({ choices = [], allowsText = true }: Ask, { choice, text, ...others }: Answer): Answer {
  if (Object.values(others).some((value) => value !== undefined)) throw wrong("A question has no decision; send choice or text");
  if ((choice === undefined) === (text === undefined)) throw wrong("Send either choice or text");
  if (choice !== undefined) {
    if (!choices.includes(choice)) throw wrong("choice is not one of the choices");
    return { choice };
  }
  if (choices.length > 0 && !allowsText) throw wrong("This question takes one of its choices only");
  return { text: checked(text) };
}

function toApproval(ask: Ask, { decision, scope, text, choice, moreTokens, moreUsd }: Answer): Answer {
  if (decision === undefined) throw wrong("An approval needs a decision: allow or deny");
  if (choice !== undefined) throw wrong("An approval has no choices; send a decision");
  if ((moreTokens ?? moreUsd) !== undefined) throw wrong("An approval has no budget; send a decision");
  if (decision === "deny" && scope !== undefined) throw wrong("A scope goes with allow only");
  if (scope === "always" && ask.patterns === undefined) throw wrong("This cannot be allowed for always; choose once or run");
  if (decision === "allow" && text !== undefined) throw wrong("A text goes with deny only: it says why");
  if (decision === "allow") return { decision, scope: scope ?? "once" };
  return text === undefined ? { decision } : { decision, text: checked(text) };
}

function checked(text = ""): string {
  if (text.trim() === "") throw wrong("text is empty");
  if (text.length > MAX_TEXT) throw wrong(`text is longer than ${MAX_TEXT} characters`);
  return text;
}

function wrong(message: string) {
  return refused("bad_answer", message);
}

/** The project's first rules allow it from now on. */
async function allowAlways(ctx: MutationCtx, ask: Ask): Promise<void> {
  const project = await ctx.db.get(ask.projectId);
  if (project === null) throw notFound("Ask not found");
  const known = project.settings?.approvals ?? [];
  const added = rulesOf(ask).filter((rule) => !known.some((other) => isSame(rule, other)));
  await changeSettings(ctx, project, { approvals: [...added, ...known] });
}

function rulesOf({ toolName = "", patterns = [] }: Ask): Rule[] {
  if (patterns.length === 0) return [{ tool: toolName, policy: "allow" }];
  return patterns.map((pattern) => ({ tool: toolName, pattern, policy: "allow" }));
}

function isSame(one: Rule, other: Rule): boolean {
  return one.tool === other.tool && one.pattern === other.pattern && one.policy === other.policy;
}

/** Requests that wait for the same: a person does not answer them one by one. */
async function coveredToo(ctx: QueryCtx, ask: Ask, { scope }: Answer): Promise<Ask[]> {
  if (scope !== "run" && scope !== "always") return [];
  const open = await ctx.db
    .query("asks")
    .withIndex("by_status", (q) => q.eq("messageId", ask.messageId).eq("status", "open"))
    .take(MOST_OPEN);
  return open.filter((other) => other._id !== ask._id && other.kind === "approval" && covers(ask, other, scope));
}

function covers(ask: Ask, other: Ask, scope: "run" | "always"): boolean {
  if (scope === "run") return ask.rule !== undefined && other.rule !== undefined && isSame(ask.rule, other.rule);
  if (ask.toolName !== other.toolName || other.patterns === undefined) return false;
  const allowed = ask.patterns ?? [];
  return allowed.length === 0 || (other.patterns.length > 0 && other.patterns.every((pattern) => allowed.includes(pattern)));
}
