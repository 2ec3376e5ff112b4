// The rules by which a person is asked before a call of the agent, those that “Always” made among them.
import { useMutation } from "convex/react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { useDraft } from "./drafts.ts";
import type { Settings } from "./general.tsx";
import { keptOf, movedUp, type Rule, typedOf, withNew } from "./rules.ts";
import { Section } from "./section.tsx";
import styles from "./settings.module.css";

const TOOLS = ["executeCommand", "writeFile", "editFile", "multiEdit", "applyPatch", "deleteFile", "*File", "fetchUrl", "mcp__*"];
const NEW: Rule = { tool: "executeCommand", pattern: "", policy: "ask" };

export function Approvals({ projectId, settings }: { projectId: Id<"projects">; settings: Settings }) {
  const update = useMutation(api.settings.update);
  const stored = typedOf(settings.approvals);
  const draft = useDraft<readonly Rule[]>(`${projectId} approvals`, stored);
  const rules = draft.value;
  async function save(typed: readonly Rule[]) {
    const approvals = keptOf(withNew(typed, draft.base, stored));
    await update({ projectId, change: { approvals: approvals.length === 0 ? null : approvals } });
  }
  return (
    <Section title="Approvals" draft={draft} onSave={save}>
      <p>
        The first rule that fits a call of the agent counts; a call that none fits runs. <code>*</code> stands for any characters. Messages
        that are sent from now on go by them.
      </p>
      {rules.length === 0 && <p>No rules: every call runs without asking.</p>}
      <ol className={styles.rules}>
        {rules.map((rule, at) => (
          <RuleRow
            key={at}
            rule={rule}
            number={at + 1}
            onChange={(next) => draft.change(rules.with(at, next))}
            onUp={() => draft.change(movedUp(rules, at))}
            onRemove={() => draft.change(rules.toSpliced(at, 1))}
          />
        ))}
      </ol>
      <datalist id="tools-of-rules">
        {TOOLS.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <div className={styles.row}>
        <Button onClick={() => draft.change([...rules, NEW])}>
          <Icon name="plus" /> Add a rule
        </Button>
      </div>
    </Section>
  );
}

interface RuleRowProps {
  rule: Rule;
  number: number;
  onChange: (rule: Rule) => void;
  onUp: () => void;
  onRemove: () => void;
}

function RuleRow({ rule, number, onChange, onUp, onRemove }: RuleRowProps) {
  return (
    <li>
      <input
        className={styles.code}
        aria-label={`Tool of rule ${number}`}
        list="tools-of-rules"
        placeholder="Tool"
        value={rule.tool}
        onChange={({ target }) => onChange({ ...rule, tool: target.value })}
      />
      <input
        className={styles.code}
        aria-label={`Pattern of rule ${number}`}
        placeholder="Every call"
        value={rule.pattern}
        onChange={({ target }) => onChange({ ...rule, pattern: target.value })}
      />
      <select
        aria-label={`What rule ${number} does`}
        value={rule.policy}
        onChange={({ target }) => onChange({ ...rule, policy: target.value as Rule["policy"] })}
      >
        <option value="ask">Ask</option>
        <option value="allow">Allow</option>
        <option value="deny">Deny</option>
      </select>
      <span>
        <IconButton className={styles.up} icon="chevron" label={`Move rule ${number} up`} disabled={number === 1} onClick={onUp} />
        <IconButton icon="trash" label={`Remove rule ${number}`} onClick={onRemove} />
      </span>
    </li>
  );
}
