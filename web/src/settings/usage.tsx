// What the answers in a project took of models in the last 30 days, by day and by model.
import { useQuery } from "convex/react";
import type { FunctionReturnType } from "convex/server";
import { useState } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { costWords, tokenWords } from "../ui/amounts.ts";
import styles from "./settings.module.css";

const DAY_MS = 24 * 3_600_000;
const DAYS = 30;

type Summary = FunctionReturnType<typeof api.usage.summary>;

export function Usage({ projectId }: { projectId: Id<"projects"> }) {
  const [range] = useState(() => ({ from: dayOf(Date.now() - (DAYS - 1) * DAY_MS), to: dayOf(Date.now()) }));
  const byDay = useQuery(api.usage.summary, { projectId, groupBy: "day", ...range });
  const byModel = useQuery(api.usage.summary, { projectId, groupBy: "model", ...range });
  if (byDay === undefined || byModel === undefined) return <p>Loading…</p>;
  if (byDay.total.requests === 0) return <p>Nothing in the last {DAYS} days: no model was asked anything in this project.</p>;
  return (
    <section className={styles.plain}>
      <h3>The last {DAYS} days</h3>
      <Sums what="Model" summary={byModel} nameOf={({ model }) => model ?? ""} />
      <Sums what="Day (UTC)" summary={byDay} nameOf={({ day }) => day ?? ""} />
      {byDay.total.unpriced > 0 && <p>The price of {byDay.total.unpriced} requests is not known: the costs lack them.</p>}
    </section>
  );
}

interface SumsProps {
  what: string;
  summary: Summary;
  nameOf: (group: Summary["groups"][number]) => string;
}

function Sums({ what, summary, nameOf }: SumsProps) {
  return (
    <table className={styles.sums}>
      <thead>
        <tr>
          <th scope="col">{what}</th>
          <th scope="col">Requests</th>
          <th scope="col">In</th>
          <th scope="col">Out</th>
          <th scope="col">Cost</th>
        </tr>
      </thead>
      <tbody>
        {summary.groups.map((group) => (
          <Sum key={nameOf(group)} name={nameOf(group)} used={group} />
        ))}
      </tbody>
      <tfoot>
        <Sum name="All" used={summary.total} />
      </tfoot>
    </table>
  );
}

function Sum({ name, used }: { name: string; used: Summary["total"] }) {
  const { requests, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, costMicros } = used;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{requests}</td>
      <td>{tokenWords(inputTokens + cacheReadTokens + cacheWriteTokens)}</td>
      <td>{tokenWords(outputTokens)}</td>
      <td>{costMicros === undefined ? "not known" : costWords(costMicros / 1_000_000)}</td>
    </tr>
  );
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
