"""What the store returns: frozen records, one per kind of row or answer.

Function results become records once, in `store.rows.decode`: camelCase keys, floats for whole
numbers and milliseconds for instants on the wire; snake_case, `int` and aware UTC `datetime` here.
An absent field is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, Literal, TypeVar

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from core.ids import (
    ConversationId,
    EventId,
    FileId,
    MessageId,
    OwnerId,
    ProjectId,
    RunId,
    ToolCallId,
)

T = TypeVar("T")

BusyPolicy = Literal["cancel", "reject", "queue"]
"""What a new message does to an answer that is still being written in the same conversation."""

FileKind = Literal["file", "folder"]
ImportStatus = Literal["importing", "completed", "failed", "cancelled"]
ExportStatus = Literal["exporting", "completed", "failed", "cancelled"]
ToolCallStatus = Literal["pending", "running", "completed", "failed", "cancelled", "skipped"]
"""A skipped call was never to run; its output says why, as that of a cancelled one does."""

DeltaKind = Literal["text", "thinking", "reset"]


class _Wire:
    """Makes pydantic read the camelCase names of the wire."""

    __pydantic_config__ = ConfigDict(alias_generator=to_camel)


class MessageStatus(StrEnum):
    """Where an assistant message stands; the last three are final."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Page(_Wire, Generic[T]):
    """One page; `next_cursor` is None on the last one."""

    items: tuple[T, ...]
    next_cursor: str | None = None


@dataclass(frozen=True)
class ProjectSettings(_Wire):
    """Commands of the preview; None means the default (`npm install`, `npm run dev`)."""

    install_command: str | None = None
    dev_command: str | None = None


@dataclass(frozen=True)
class Project(_Wire):
    """A project. `files_version` grows with each change of a file: see `Files.changes`."""

    project_id: ProjectId
    owner_id: OwnerId
    name: str
    created_at: datetime
    updated_at: datetime
    files_version: int = 0
    settings: ProjectSettings = field(default_factory=ProjectSettings)
    import_status: ImportStatus | None = None
    export_status: ExportStatus | None = None
    export_repo_url: str | None = None


@dataclass(frozen=True)
class FileEntry(_Wire):
    """A file or folder without its content.

    `sha256` (hex, of the bytes) and a meaningful `size_bytes` are there for files only.
    `in_storage` says that the bytes are a stored blob: they are not UTF-8 text, or larger than a
    document may be.
    """

    file_id: FileId
    project_id: ProjectId
    path: str
    name: str
    kind: FileKind
    size_bytes: int
    version: int
    updated_at: datetime
    parent_id: FileId | None = None
    sha256: str | None = None
    in_storage: bool = False


@dataclass(frozen=True)
class FileContent:
    """A file with its bytes."""

    entry: FileEntry
    data: bytes


@dataclass(frozen=True)
class WrittenFile:
    """`path` shall hold `data`; it held what `base_sha256` says, "" for nothing."""

    path: str
    data: bytes
    base_sha256: str


@dataclass(frozen=True)
class DeletedFile:
    """The file or folder at `path` shall go."""

    path: str


@dataclass(frozen=True)
class RenamedFile:
    """What stands at `path` shall stand at `new_path`."""

    path: str
    new_path: str


FileEdit = WrittenFile | DeletedFile | RenamedFile
"""A change that a tool call makes to a project."""


@dataclass(frozen=True)
class FileChanges(_Wire):
    """What changed in a project after a version.

    `changed` are entries as they are now, `deleted` paths at which nothing stands now; apply
    deletions first, longest path first. Ask again with `version` while `has_more`. `is_full` says
    that the history does not go back to the version asked for: both lists are empty then, and only
    `Files.walk` tells what there is.
    """

    version: int
    changed: tuple[FileEntry, ...]
    deleted: tuple[str, ...]
    has_more: bool
    is_full: bool


@dataclass(frozen=True)
class Conversation(_Wire):
    """A thread of messages in a project."""

    conversation_id: ConversationId
    project_id: ProjectId
    title: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class TokenUsage(_Wire):
    """Tokens of one turn, or of all turns of a message; `cost_usd` is None if no price is known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True)
class Message(_Wire):
    """A message.

    `status` is None for the person's; `content` of a running one is "" (read its deltas). While it
    waits for the provider, `waiting_until` says how long. `is_history_cut`: the model that answered
    was told less than all of the conversation.
    """

    message_id: MessageId
    conversation_id: ConversationId
    project_id: ProjectId
    order: int
    role: Literal["user", "assistant"]
    content: str
    started_at: datetime
    status: MessageStatus | None = None
    error: str | None = None
    error_code: str | None = None
    model: str | None = None
    usage: TokenUsage | None = None
    waiting_until: datetime | None = None
    is_history_cut: bool | None = None
    run_id: RunId | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class ToolCallRecord(_Wire):
    """A tool call of a message.

    `arguments_json` is the JSON text of an object, whole and parsed before.
    """

    message_id: MessageId
    turn: int
    tool_call_id: ToolCallId
    name: str
    arguments_json: str
    status: ToolCallStatus
    output: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class KeptResult(_Wire):
    """The result of a tool call on record; `was_kept_before` says that an earlier one stayed."""

    output: str
    is_error: bool
    was_kept_before: bool


@dataclass(frozen=True)
class TurnPart(_Wire):
    """A piece of a model turn, in order.

    `signature` comes with thinking, `tool_call_id` with a tool call.
    """

    type: Literal["text", "thinking", "toolCall"]
    text: str | None = None
    signature: str | None = None
    tool_call_id: ToolCallId | None = None


@dataclass(frozen=True)
class NewToolCall(_Wire):
    """A tool call as the model asked for it, to be recorded with its turn.

    `not_run` says why it will not be run, if so.
    """

    tool_call_id: ToolCallId
    name: str
    arguments_json: str
    not_run: str | None = None


@dataclass(frozen=True)
class TurnRecord(_Wire):
    """One finished turn of the model; `ToolCallRecord`s of the same number are its tool calls."""

    turn: int
    parts: tuple[TurnPart, ...]
    stop_reason: str
    model: str
    usage: TokenUsage = field(default_factory=TokenUsage)
    dropped_calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class HistoryMessage(_Wire):
    """An earlier message with what the model said and did in it, by turn number."""

    message: Message
    turns: tuple[TurnRecord, ...] = ()
    tool_calls: tuple[ToolCallRecord, ...] = ()


@dataclass(frozen=True)
class MessageContext(_Wire):
    """All that a run needs to answer `message`.

    `history` is oldest first and ends with the person's message that is being answered. When it did
    not fit the budget, `is_truncated` is true and the oldest messages are missing. `turns` and
    `tool_calls` are those of `message` itself: what an earlier attempt finished before it died.
    """

    message: Message
    conversation: Conversation
    project: Project
    history: tuple[HistoryMessage, ...]
    turns: tuple[TurnRecord, ...]
    tool_calls: tuple[ToolCallRecord, ...]
    is_truncated: bool = False


@dataclass(frozen=True)
class EarlierMessages(_Wire):
    """Messages before those of a context, oldest first, in short: results of calls are missing."""

    history: tuple[HistoryMessage, ...]
    is_truncated: bool


@dataclass(frozen=True)
class OutboxEvent(_Wire):
    """An event that was committed with the rows it speaks of, and must reach the engine.

    Send it with `event_id`, then `Outbox.ack` it. Sending twice is harmless: the engine knows the
    id.
    """

    event_id: EventId
    name: str
    data: Mapping[str, str | int | float | bool | None]
    user_id: OwnerId
    created_at: datetime
    attempts: int = 0


@dataclass(frozen=True)
class SentMessage(_Wire):
    """What `Messages.send` or `Messages.retry` wrote.

    `events` are in the order in which they must be sent: cancellations first, `message/sent` last.
    `is_duplicate` says that the idempotency key was seen before: same ids, nothing written; events
    not acknowledged yet are given again.
    """

    user_message_id: MessageId
    message_id: MessageId
    conversation_id: ConversationId
    project_id: ProjectId
    event_id: EventId
    cancelled: tuple[MessageId, ...]
    events: tuple[OutboxEvent, ...]
    is_duplicate: bool = False


@dataclass(frozen=True)
class Cancelled(_Wire):
    """The messages that this call turned from processing to cancelled.

    And the events that stop their runs.
    """

    message_ids: tuple[MessageId, ...]
    events: tuple[OutboxEvent, ...]


@dataclass(frozen=True)
class Generation(_Wire):
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
class Lease(_Wire):
    """The right to write one message, until a later `begin` or a final state takes it away.

    Deltas go on from `next_seq`; `last_part` is the highest part that earlier attempts streamed, -1
    for none.
    """

    message_id: MessageId
    epoch: int
    next_seq: int
    last_part: int


@dataclass(frozen=True)
class DeltaRun(_Wire):
    """Adjacent deltas of one part and kind, merged.

    A reset says: forget the text of all parts >= `part`.
    """

    part: int
    kind: DeltaKind
    text: str


@dataclass(frozen=True)
class DeltaPage(_Wire):
    """Text streamed from a cursor on.

    Ask again from `next`; a final `status` means: read the message.
    """

    runs: tuple[DeltaRun, ...]
    next: int
    has_more: bool
    status: MessageStatus | None = None


@dataclass(frozen=True)
class GenerationEvent(_Wire):
    """A line of the log of a project's generation."""

    project_id: ProjectId
    type: Literal["step", "file", "info", "error"]
    message: str
    created_at: datetime
    file_path: str | None = None
    preview: str | None = None


@dataclass(frozen=True)
class Transfer(_Wire):
    """An import or export of a repository; `done` of `total` files are through."""

    transfer_id: str
    project_id: ProjectId
    kind: Literal["import", "export"]
    status: Literal["running", "completed", "failed", "cancelled"]
    done: int
    total: int
    created_at: datetime
    heartbeat_at: datetime
    repo_url: str | None = None
    error: str | None = None
