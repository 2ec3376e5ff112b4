// What a conversation may take of models.
import { useState } from "react";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { useApi } from "../data/api.ts";
import { Dialog, Form } from "../ui/dialog.tsx";
import type { Bounds } from "./conversation-foot.tsx";

interface BudgetDialogProps {
  conversationId: Id<"conversations">;
  budget: Bounds | undefined;
  onClose: () => void;
}

export default function BudgetDialog({ conversationId, budget, onClose }: BudgetDialogProps) {
  const http = useApi();
  const [tokens, setTokens] = useState(budget?.tokens?.toString() ?? "");
  const [usd, setUsd] = useState(budget?.usd?.toString() ?? "");
  async function set() {
    const bounds: Bounds = { ...(tokens === "" ? {} : { tokens: Number(tokens) }), ...(usd === "" ? {} : { usd: Number(usd) }) };
    await http.call("PATCH", `/conversations/${conversationId}`, { budget: tokens === "" && usd === "" ? null : bounds });
    onClose();
  }
  return (
    <Dialog label="Budget of this conversation" onClose={onClose}>
      <Form title="Budget of this conversation" action="Set" onClose={onClose} onSubmit={set}>
        <p>All answers of it together. Where it is used up, the agent asks for more. Empty: no bound of its own.</p>
        <label>
          Tokens
          <input type="number" min={0} step={1} value={tokens} onChange={(event) => setTokens(event.target.value)} />
        </label>
        <label>
          US dollars
          <input type="number" min={0} step="any" value={usd} onChange={(event) => setUsd(event.target.value)} />
        </label>
      </Form>
    </Dialog>
  );
}
