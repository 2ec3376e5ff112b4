"""Sub-agents: the answers that they write for calls of another."""

from dataclasses import dataclass
from datetime import datetime

from core.ids import ConversationId, MessageId, ToolCallId
from core.usage import Usage
from store.records.conversations import MessageStatus


@dataclass(frozen=True)
class TaskAnswer:
    """The answer of a sub-agent, and the call that it works for.

    `message_id` names the answer; `conversation_id` is the hidden conversation in which it stands.
    """

    message_id: MessageId
    conversation_id: ConversationId
    turn: int
    tool_call_id: ToolCallId
    title: str
    started_at: datetime
    status: MessageStatus | None = None
    model: str | None = None
    usage: Usage | None = None
    ended_at: datetime | None = None
