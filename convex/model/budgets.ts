// Budgets of conversations, and of a person's days: what is set, and what the person gives beyond it when one is used up.
import type { Infer } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { refused } from "./errors.ts";
import { dayOf } from "./usage.ts";
import type { askAnswer, bounds } from "./validators.ts";

const MOST_TOKENS = 1_000_000_000;
const MOST_USD = 100_000;

type Bounds = Infer<typeof bounds>;
type Answer = Infer<typeof askAnswer>;

/** An answer to a run that asks for more. It gives more of what is used up, so that the run does not ask at once again. */
export function toBudget({ budget }: Doc<"asks">, { decision, moreTokens, moreUsd, ...others }: Answer): Answer {
  if (budget === undefined) throw new Error("a request for more of a budget without one");
  if (Object.values(others).some((value) => value !== undefined)) throw wrong("A budget has no choices, texts and scopes; send a decision");
  if (decision === undefined) throw wrong("Send a decision: allow with moreTokens or moreUsd, or deny to stop here");
  const isMore = moreTokens !== undefined || moreUsd !== undefined;
  if (decision === "deny") {
    if (isMore) throw wrong("moreTokens and moreUsd go with allow only");
    return { decision };
  }
  checkMore("moreTokens", moreTokens, { of: budget.tokens, spent: budget.spentTokens, most: MOST_TOKENS });
  checkMore("moreUsd", moreUsd, { of: budget.usd, spent: budget.spentUsd ?? 0, most: MOST_USD });
  if (moreTokens !== undefined && !Number.isInteger(moreTokens)) throw wrong("moreTokens is a whole number");
  return { decision, moreTokens, moreUsd };
}

function checkMore(name: string, more: number | undefined, { of, spent, most }: { of?: number; spent: number; most: number }): void {
  if (of === undefined && more !== undefined) throw wrong(`This budget has no bound of that kind: leave out ${name}`);
  if (of !== undefined && spent >= of && more === undefined) throw wrong(`It is used up: say with ${name} how much more there is`);
  if (more !== undefined && !(more > 0 && more <= most)) throw wrong(`${name} is more than 0 and at most ${most}`);
}

function wrong(message: string) {
  return refused("bad_answer", message);
}

/** What was given for a conversation or a day counts for the answers that follow, too. */
export async function keepRaise(ctx: MutationCtx, ask: Doc<"asks">, answer: Answer, ownerId: string): Promise<void> {
  const { budget, conversationId } = ask;
  if (budget === undefined || answer.decision !== "allow" || budget.of === "answer") return;
  if (budget.of === "conversation") {
    const conversation = await ctx.db.get(conversationId);
    if (conversation !== null) await ctx.db.patch(conversationId, { budget: raised(conversation.budget ?? budget, budget, answer) });
    return;
  }
  const day = dayOf(ask._creationTime);
  const known = await dayBudget(ctx, ownerId, day);
  const bounds = raised(known ?? budget, budget, answer);
  if (known === null) await ctx.db.insert("dayBudgets", { ownerId, day, ...bounds });
  else await ctx.db.patch(known._id, bounds);
}

function raised(now: Bounds, { spentTokens, spentUsd = 0 }: { spentTokens: number; spentUsd?: number }, more: Answer): Bounds {
  return { tokens: sum(now.tokens, spentTokens, more.moreTokens), usd: sum(now.usd, spentUsd, more.moreUsd) };
}

function sum(bound: number | undefined, spent: number, more: number | undefined): number | undefined {
  return bound === undefined || more === undefined ? bound : Math.max(bound, spent) + more;
}

/** What a person has given themselves for a day beyond what the server allows; null: nothing. */
export async function dayBudget(ctx: QueryCtx, ownerId: string, day: string): Promise<Doc<"dayBudgets"> | null> {
  return await ctx.db
    .query("dayBudgets")
    .withIndex("by_owner", (q) => q.eq("ownerId", ownerId).eq("day", day))
    .unique();
}

/** Sets what a conversation may take; null: as everywhere. */
export async function setBudget(
  ctx: MutationCtx,
  conversation: Doc<"conversations">,
  budget: Bounds | null,
): Promise<Doc<"conversations">> {
  const { tokens, usd } = budget ?? {};
  if (budget !== null && tokens === undefined && usd === undefined)
    throw refused("bad_budget", "Give tokens or usd, or null for no budget");
  const isAmount = (amount: number | undefined, most: number) => amount === undefined || (amount >= 0 && amount <= most);
  if (!isAmount(tokens, MOST_TOKENS) || !isAmount(usd, MOST_USD) || !Number.isInteger(tokens ?? 0)) {
    throw refused("bad_budget", `tokens is a whole number of 0 to ${MOST_TOKENS}, usd one of 0 to ${MOST_USD}`);
  }
  const change = { budget: budget ?? undefined, updatedAt: Date.now() };
  await ctx.db.patch(conversation._id, change);
  return { ...conversation, ...change };
}
