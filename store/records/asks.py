"""What the agent asks a person, and which calls they want to be asked about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.ids import AskId, ConversationId, MessageId, ProjectId, ToolCallId
from store.records.outbox import OutboxEvent

AskKind = Literal["question", "approval", "budget"]
AskStatus = Literal["open", "answered", "expired", "closed"]
AskDecision = Literal["allow", "deny"]
AskScope = Literal["once", "run", "always"]
BudgetName = Literal["answer", "conversation", "day"]
ApprovalPolicy = Literal["ask", "allow", "deny"]


@dataclass(frozen=True)
class ApprovalRule:
    """What is to happen with calls of a tool: all, or those whose path or command fits."""

    tool: str
    policy: ApprovalPolicy
    pattern: str | None = None


@dataclass(frozen=True)
class UsedUpBudget:
    """A budget, in tokens, dollars or both, and what was taken of it when the person was asked."""

    of: BudgetName
    spent_tokens: int
    tokens: int | None = None
    usd: float | None = None
    spent_usd: float | None = None


@dataclass(frozen=True)
class AskAnswer:
    """What a person says: to a question a choice or a text, to an approval a decision.

    To a used up budget a decision and, where it is to go on, how much more.
    """

    choice: str | None = None
    text: str | None = None
    decision: AskDecision | None = None
    scope: AskScope | None = None
    more_tokens: int | None = None
    more_usd: float | None = None


@dataclass(frozen=True)
class NewAsk:
    """A request as a run makes it; which of the fields there are depends on the kind.

    `patterns` are what an allowance for always is for: none means all calls of the tool; None, that
    it cannot be given.
    """

    turn: int
    tool_call_id: ToolCallId
    kind: AskKind
    expires_at: datetime
    question: str | None = None
    choices: tuple[str, ...] | None = None
    allows_text: bool | None = None
    tool_name: str | None = None
    command: str | None = None
    paths: tuple[str, ...] | None = None
    preview: str | None = None
    rule: ApprovalRule | None = None
    patterns: tuple[str, ...] | None = None
    budget: UsedUpBudget | None = None


@dataclass(frozen=True, kw_only=True)
class Ask(NewAsk):
    """A request as it is kept; an open one waits for the person."""

    ask_id: AskId
    project_id: ProjectId
    conversation_id: ConversationId
    message_id: MessageId
    status: AskStatus
    created_at: datetime
    answer: AskAnswer | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class AnsweredAsk:
    """A request that was answered, and the events that wake its run: also of others it covers."""

    ask: Ask
    events: tuple[OutboxEvent, ...]
