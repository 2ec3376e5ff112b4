"""What the workflow works with: the help desk, a folder here, and the agent that reasons."""

import asyncio
import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from llm.model import Model
from llm.short_answer import short_answer

SYSTEM = """\
You answer the customers of a shop. Say as JSON what is to be done:
{"action": {"kind": "refund", "amount": 20, "requiresApproval": true} or null,
 "draftResponse": "what to reply" or null, "reasoning": "why"}"""


class _Json(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, frozen=True)


class Action(_Json):
    """What the agent wants to do beside replying."""

    kind: str
    amount: int = 0
    requires_approval: bool = True


class Reasoned(_Json):
    """What the agent came to."""

    action: Action | None = None
    draft_response: str | None = None
    reasoning: str = ""


class Context(_Json):
    """What is known of the sender; `is_fallback`: only what the event itself says."""

    customer: str
    history: tuple[str, ...] = ()
    is_fallback: bool = False


class HelpDeskAway(Exception):
    """The API of the help desk does not answer."""


@dataclass(frozen=True)
class Pace:
    """How long is waited: for a person's decision, and before a draft is sent by itself."""

    decide_within: str = "24h"
    send_after: str = "5m"


@dataclass(frozen=True)
class HelpDesk:
    """A help desk whose records are files: the same record, written again, changes nothing."""

    folder: Path

    async def customer(self, sender: str) -> str:
        """Who writes. Raises: HelpDeskAway."""
        if sender.startswith("unreachable"):
            raise HelpDeskAway(sender)
        return f"customer {sender.partition('@')[0]}"

    async def messages(self, conversation_id: str) -> tuple[str, ...]:
        """What was written in a conversation before."""
        return (f"{conversation_id} began",)

    async def keep(self, name: str, record: Mapping[str, object]) -> str:
        """Keep a record under a name that is the same each time; the name."""
        await asyncio.to_thread(self._keep, name, json.dumps(record, sort_keys=True))
        return name

    def _keep(self, name: str, text: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self.folder, prefix=".", delete=False) as draft:
            draft.write(text)
        with suppress(FileExistsError):
            (self.folder / f"{name}.json").hardlink_to(draft.name)
        Path(draft.name).unlink()

    def records(self) -> dict[str, object]:
        """All that is kept, by name."""
        found = sorted(self.folder.glob("[!.]*.json"))
        return {path.stem: json.loads(path.read_text()) for path in found}


@dataclass(frozen=True)
class SupportAgent:
    """Reasons about a message with a model of any provider that `llm` knows."""

    model: Model

    async def reason(self, body: str, context: Context) -> Reasoned:
        """What is to be done. Raises: as the model; ValueError: it has not answered in JSON."""
        asked = f"{context.customer} writes: {body}\n\nBefore: {'; '.join(context.history)}"
        answer = await short_answer(self.model, SYSTEM, asked, max_tokens=1_000)
        return Reasoned.model_validate_json(answer)
