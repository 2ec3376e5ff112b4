// What holds for a whole conversation: who answers, what it has taken, and how much it may take.
import { useQuery } from "convex/react";
import { lazy, Suspense, useEffect, useState } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { type Api, useApi } from "../data/api.ts";
import { costWords, tokenWords } from "../ui/amounts.ts";
import { useNotices } from "../ui/notices.tsx";
import { wordsOf } from "../ui/problems.ts";
import styles from "./conversation-foot.module.css";

const BudgetDialog = lazy(() => import("./budget-dialog.tsx"));
const DAYS_MS = 365 * 24 * 3_600_000; // the longest range of a sum, less a day

export function ConversationFoot({ conversationId }: { conversationId: Id<"conversations"> }) {
  const conversation = useQuery(api.conversations.getById, { id: conversationId });
  if (conversation === undefined) return <div className={styles.foot} />;
  return (
    <div className={styles.foot}>
      <ModelPicker conversationId={conversationId} chosen={conversation.model} />
      <Budget conversationId={conversationId} budget={conversation.budget} />
    </div>
  );
}

interface Offer {
  model: string;
  isDefault: boolean;
}

let offers: Promise<readonly Offer[]> | undefined; // the same for all conversations: asked once for a page

async function offersOf(http: Api): Promise<readonly Offer[]> {
  offers ??= http.call<{ models: Offer[] }>("GET", "/models").then(({ models }) => models);
  try {
    return await offers;
  } catch (error) {
    offers = undefined;
    throw error;
  }
}

function ModelPicker({ conversationId, chosen }: { conversationId: string; chosen: string | undefined }) {
  const http = useApi();
  const say = useNotices();
  const [models, setModels] = useState<readonly Offer[]>([]);
  useEffect(() => {
    offersOf(http).then(setModels, (error: unknown) => say(wordsOf(error)));
  }, [http, say]);
  function choose(model: string) {
    http
      .call("PATCH", `/conversations/${conversationId}`, { model: model === "" ? null : model })
      .catch((error: unknown) => say(wordsOf(error)));
  }
  if (models.length === 0) return <span className={styles.model} />;
  const isGone = chosen !== undefined && !models.some(({ model }) => model === chosen);
  return (
    <select className={styles.model} aria-label="Model that answers" value={chosen ?? ""} onChange={({ target }) => choose(target.value)}>
      {models.map(({ model, isDefault }) => (
        <option key={model} value={isDefault && chosen !== model ? "" : model} title={model}>
          {shortName(model)}
        </option>
      ))}
      {isGone && <option value={chosen}>{shortName(chosen)} (not offered any more)</option>}
    </select>
  );
}

function shortName(model: string): string {
  return model.slice(model.indexOf("/") + 1);
}

export interface Bounds {
  tokens?: number | undefined;
  usd?: number | undefined;
}

/** What the conversation has taken; with a budget, as a bar of it. */
function Budget({ conversationId, budget }: { conversationId: Id<"conversations">; budget: Bounds | undefined }) {
  const [isAsking, setAsking] = useState(false);
  const [range] = useState(rangeNow);
  const taken = useQuery(api.usage.summary, { conversationId, groupBy: "day", ...range })?.total;
  const tokens = taken === undefined ? 0 : taken.inputTokens + taken.outputTokens + taken.cacheReadTokens + taken.cacheWriteTokens;
  const usd = (taken?.costMicros ?? 0) / 1_000_000;
  const part = Math.max(tokens / (budget?.tokens ?? Infinity), usd / (budget?.usd ?? Infinity));
  const words = taken === undefined ? "" : `${tokenWords(tokens)} tokens${taken.costMicros === undefined ? "" : `, ${costWords(usd)}`}`;
  const bounds = budget === undefined ? "" : ` of ${boundWords(budget)}`;
  return (
    <>
      <button type="button" className={styles.budget} title="What this conversation may take" onClick={() => setAsking(true)}>
        {words}
        {bounds}
        {budget !== undefined && (
          <meter aria-label="Budget used" min={0} max={1} low={0.75} high={0.95} optimum={0} value={Math.min(1, part)} />
        )}
      </button>
      <Suspense>{isAsking && <BudgetDialog conversationId={conversationId} budget={budget} onClose={() => setAsking(false)} />}</Suspense>
    </>
  );
}

/** To the end of tomorrow: a page that stays open over midnight counts on. */
function rangeNow() {
  const day = (at: number) => new Date(at).toISOString().slice(0, 10);
  const tomorrow = Date.now() + 24 * 3_600_000;
  return { from: day(tomorrow - DAYS_MS), to: day(tomorrow) };
}

function boundWords({ tokens, usd }: Bounds): string {
  return [tokens !== undefined && tokenWords(tokens), usd !== undefined && costWords(usd)].filter(Boolean).join(" or ");
}
