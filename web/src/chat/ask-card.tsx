// What the agent asks, where it asks it: a question, whether a call may run, or for more of a budget.
import { useMutation } from "convex/react";
import type { FunctionReturnType } from "convex/server";
import { type SubmitEvent, useState } from "react";
import { api } from "../../../convex/_generated/api.js";
import { costWords, tokenWords } from "../ui/amounts.ts";
import { wordsOf } from "../ui/problems.ts";
import { Prose } from "../prose/prose.tsx";
import { Button } from "../ui/button.tsx";
import { useNotices } from "../ui/notices.tsx";
import styles from "./ask-card.module.css";
import { toolWords } from "./words.ts";

export type AskDoc = FunctionReturnType<typeof api.asks.list>[number];
type Answer = NonNullable<AskDoc["answer"]>;
type Give = (answer: Answer) => void;

export default function AskCard({ ask }: { ask: AskDoc }) {
  const answer = useMutation(api.asks.answer);
  const say = useNotices();
  const [isSent, setSent] = useState(false);
  if (ask.status !== "open") return <p className={styles.past}>{pastWords(ask)}</p>;
  async function give(given: Answer) {
    setSent(true);
    try {
      await answer({ askId: ask._id, answer: given });
    } catch (error) {
      setSent(false);
      say(wordsOf(error));
    }
  }
  const Body = { question: Question, approval: Approval, budget: Budget }[ask.kind];
  return (
    <fieldset className={styles.ask} disabled={isSent}>
      <Body ask={ask} give={(given) => void give(given)} />
    </fieldset>
  );
}

interface BodyProps {
  ask: AskDoc;
  give: Give;
}

function Question({ ask, give }: BodyProps) {
  return (
    <>
      <legend>The agent asks</legend>
      <Prose text={ask.question ?? ""} />
      <div className={styles.choices}>
        {ask.choices?.map((choice) => (
          <Button key={choice} onClick={() => give({ choice })}>
            {choice}
          </Button>
        ))}
      </div>
      {(ask.allowsText !== false || !ask.choices?.length) && (
        <TextAnswer label="Your answer" action="Answer" onDone={(text) => give({ text })} />
      )}
    </>
  );
}

function Approval({ ask, give }: BodyProps) {
  const [isDenying, setDenying] = useState(false);
  return (
    <>
      <legend>May it run? {toolWords(ask.toolName ?? "")}</legend>
      {ask.command !== undefined && <pre tabIndex={0}>{ask.command}</pre>}
      {ask.command === undefined && ask.paths !== undefined && <p>{ask.paths.join(", ")}</p>}
      {ask.preview !== undefined && ask.preview !== ask.command && <pre tabIndex={0}>{ask.preview}</pre>}
      {isDenying ? (
        <TextAnswer
          label="Why not, or what to do instead (may be empty)"
          action="Deny"
          mayBeEmpty
          onDone={(text) => give(text === "" ? { decision: "deny" } : { decision: "deny", text })}
        />
      ) : (
        <div className={styles.choices}>
          <Button look="primary" onClick={() => give({ decision: "allow", scope: "once" })}>
            Allow once
          </Button>
          <Button onClick={() => give({ decision: "allow", scope: "run" })}>In this answer</Button>
          {ask.patterns !== undefined && (
            <Button title={ask.patterns.join(", ")} onClick={() => give({ decision: "allow", scope: "always" })}>
              Always
            </Button>
          )}
          <Button look="danger" onClick={() => setDenying(true)}>
            Deny…
          </Button>
        </div>
      )}
    </>
  );
}

function Budget({ ask, give }: BodyProps) {
  const { of = "answer", tokens, usd, spentTokens = 0, spentUsd } = ask.budget ?? {};
  const more: Answer = { decision: "allow" };
  if (usd !== undefined) more.moreUsd = usd;
  if (tokens !== undefined) more.moreTokens = tokens;
  const words = [usd !== undefined && costWords(usd), tokens !== undefined && `${tokenWords(tokens)} tokens`].filter(Boolean).join(" and ");
  return (
    <>
      <legend>The budget of {of === "day" ? "your day" : `this ${of}`} is used up</legend>
      <p>
        {tokenWords(spentTokens)} tokens{spentUsd === undefined ? "" : `, ${costWords(spentUsd)}`} spent of {words}.
      </p>
      <div className={styles.choices}>
        <Button look="primary" onClick={() => give(more)}>
          Give {words} more
        </Button>
        <Button onClick={() => give({ decision: "deny" })}>End the answer</Button>
      </div>
    </>
  );
}

interface TextAnswerProps {
  label: string;
  action: string;
  mayBeEmpty?: boolean;
  onDone: (text: string) => void;
}

function TextAnswer({ label, action, mayBeEmpty = false, onDone }: TextAnswerProps) {
  const [text, setText] = useState("");
  function submit(event: SubmitEvent) {
    event.preventDefault();
    if (mayBeEmpty || text.trim() !== "") onDone(text.trim());
  }
  return (
    <form className={styles.text} onSubmit={submit}>
      <input aria-label={label} placeholder={label} value={text} onChange={(event) => setText(event.target.value)} />
      <Button type="submit" disabled={!mayBeEmpty && text.trim() === ""}>
        {action}
      </Button>
    </form>
  );
}

function pastWords({ kind, status, question, command, toolName, answer }: AskDoc): string {
  const what = kind === "question" ? `“${question ?? ""}”` : kind === "approval" ? (command ?? toolWords(toolName ?? "")) : "More budget";
  if (status === "expired") return `${what}: nobody answered in time`;
  if (status === "closed" || answer === undefined) return `${what}: not answered, the answer ended before`;
  const said =
    answer.decision === "allow"
      ? "you allowed it"
      : answer.decision === "deny"
        ? `you denied it${answer.text ? `: ${answer.text}` : ""}`
        : (answer.choice ?? answer.text ?? "");
  return `${what}: ${said}`;
}
