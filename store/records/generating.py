"""Whole projects that are made from a description, and what they were put to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.ids import ConversationId, MessageId, ProjectGenerationId, ProjectId
from store.records.conversations import MessageStatus
from store.records.outbox import OutboxEvent

VerificationState = Literal["verified", "failed", "notVerified"]


@dataclass(frozen=True)
class Check:
    """A command that was run on a project; `exit_code` is None where it was ended by us.

    `output` is the last of what it printed.
    """

    command: str
    took_s: float
    output: str
    exit_code: int | None = None


@dataclass(frozen=True)
class Verification:
    """The evidence: `verified` says that every command ended with 0.

    `reason` says in words what failed, or why nothing could be run; `repairs` counts how often the
    agent was given the errors. The checks are those of the last round.
    """

    state: VerificationState
    reason: str
    repairs: int
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class ProjectGeneration:
    """One request to generate a project.

    `steps` are those that have ended well, in order; `message_id` is the answer of the step that is
    being made, or was last.
    """

    project_generation_id: ProjectGenerationId
    project_id: ProjectId
    conversation_id: ConversationId
    description: str
    stack: str
    status: MessageStatus
    steps: tuple[str, ...]
    created_at: datetime
    current_step: str | None = None
    message_id: MessageId | None = None
    verification: Verification | None = None
    error: str | None = None
    error_code: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class RequestedGeneration:
    """A request that is in the store with the event that starts it."""

    generation: ProjectGeneration
    events: tuple[OutboxEvent, ...]
    is_duplicate: bool
