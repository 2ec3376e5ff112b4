"""The run behind an answer, its right to write, and the text that it streams."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.ids import ConversationId, EventId, MessageId, OwnerId, ProjectId, RunId, ToolCallId
from store.records.conversations import MessageStatus

DeltaKind = Literal[
    "text", "thinking", "condensing", "toolCall", "toolInput", "output", "outputReset", "reset"
]


@dataclass(frozen=True)
class Generation:
    """The run behind an assistant message.

    `event_id` is that of the event that started the run, or will; `epoch` counts attempts: writes
    of an older one are refused.
    """

    message_id: MessageId
    conversation_id: ConversationId
    project_id: ProjectId
    owner_id: OwnerId
    event_id: EventId
    epoch: int
    status: MessageStatus
    heartbeat_at: datetime
    created_at: datetime
    run_id: RunId | None = None


@dataclass(frozen=True)
class Lease:
    """The right to write one message, until a later `begin` or a final state takes it away.

    Deltas go on from `next_seq`; `last_part` is the highest part that earlier attempts streamed, -1
    for none.
    """

    message_id: MessageId
    epoch: int
    next_seq: int
    last_part: int


@dataclass(frozen=True)
class DeltaRun:
    """Adjacent deltas of one part and kind, and for output of one tool call, merged.

    A reset says: forget the text of all parts >= `part`, and the input and output of their calls.
    "condensing": the model summarises the conversation first. "toolCall" begins a call of the tool
    that the text names, "toolInput" is the next piece of its arguments. "output" is what a tool
    call prints while it runs, the beginning of it; "outputReset": the call runs anew.
    """

    part: int
    kind: DeltaKind
    text: str
    tool_call_id: ToolCallId | None = None


@dataclass(frozen=True)
class DeltaPage:
    """Text streamed from a cursor on.

    Ask again from `next`; a final `status` means: read the message.
    """

    runs: tuple[DeltaRun, ...]
    next: int
    has_more: bool
    status: MessageStatus | None = None
