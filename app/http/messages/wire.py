"""Messages: what goes in and comes out."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, computed_field, model_validator

from app.http.checkpoints.wire import RestoredAnswer
from app.http.files.wire import PATH_LIMIT_CHARS
from app.services.attaching import Asked
from app.wire.shapes import Answer, Body, Millis, ModelName, Success
from core.ids import AttachmentId, ConversationId, MessageId, ProjectId
from store.records import BusyPolicy, EndedEarly

MESSAGE_LIMIT_CHARS = 100_000
ID_LIMIT_CHARS = 64
MAX_ATTACHMENTS = 20


class UsageAnswer(Answer):
    """Tokens that an answer took, and what they cost."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float | None = Field(
        None, description="US dollars by the model table, of the turns whose price it knows."
    )


class NewAttachment(Body):
    """An image that was uploaded, or a file of the project: exactly one of the two."""

    attachment_id: AttachmentId | None = Field(None, min_length=1, max_length=ID_LIMIT_CHARS)
    path: str | None = Field(
        None,
        min_length=1,
        max_length=PATH_LIMIT_CHARS,
        description="The model is given the text that it has now.",
        examples=["src/index.ts"],
    )
    start_line: int | None = Field(None, ge=1, le=10_000_000, description="From 1.")
    end_line: int | None = Field(
        None, ge=1, le=10_000_000, description="The last line, included; without it, to the end."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.attachment_id is None) == (self.path is None):
            raise ValueError("give either attachmentId or path")
        if self.path is None and (self.start_line or self.end_line):
            raise ValueError("startLine and endLine are of a path")
        return self

    @property
    def asked(self) -> Asked:
        """The same, for the service."""
        return Asked(self.attachment_id, self.path, self.start_line, self.end_line)


AttachedTo = Annotated[
    tuple[NewAttachment, ...],
    Field(max_length=MAX_ATTACHMENTS, description="Images and files for the model to see."),
]


class AttachmentAnswer(Answer):
    """What a message was sent with; an image is read at `…/attachments/{place}`."""

    type: Literal["image", "file"]
    name: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    path: str | None = None
    start_line: int | None = None
    end_line: int | None = None
    is_cut: bool | None = Field(None, description="The model was given only the beginning.")


class MessageAnswer(Answer):
    """A message; `content` of one that is processing is empty: read its deltas."""

    message_id: MessageId
    started_at: Annotated[Millis, Field(serialization_alias="_creationTime")]
    conversation_id: ConversationId
    project_id: ProjectId
    role: Literal["user", "assistant"]
    content: str
    status: Literal["processing", "completed", "failed", "cancelled"] | None = Field(
        None, description="Of an answer; the person's messages have none."
    )
    error: str | None = Field(None, description="Why it failed, in words for people.")
    error_code: str | None = None
    model: str | None = None
    usage: UsageAnswer | None = None
    waiting_until: Millis | None = Field(
        None, description="The provider takes no request before; the answer goes on by itself."
    )
    is_history_cut: bool | None = Field(
        None, description="The model was told less than all of the conversation: it is too long."
    )
    ended_early: EndedEarly | None = Field(
        None, description="Why a completed answer is not done; “continue” lets most of them go on."
    )
    run_id: str | None = None
    steers: MessageId | None = Field(
        None,
        description="Of the person's: the answer that it is part of.",
    )
    told_in: int | None = Field(
        None, description="The turn of that answer before which the model was told."
    )
    attachments: tuple[AttachmentAnswer, ...] | None = None
    ended_at: Millis | None = None

    @computed_field(alias="_id")
    @property
    def row_id(self) -> MessageId:
        """The same id, under Convex's name."""
        return self.message_id


class MessagePage(Answer):
    """Messages, oldest first; `nextCursor` leads to older ones."""

    messages: tuple[MessageAnswer, ...]
    next_cursor: str | None = None


class ToolCallAnswer(Answer):
    """What the agent did."""

    tool_call_id: Annotated[str, Field(serialization_alias="id")]
    turn: int
    name: str
    arguments_json: Annotated[
        str, Field(serialization_alias="args", description="JSON text of the arguments")
    ]
    status: Literal["pending", "running", "completed", "failed", "cancelled", "skipped"]
    output: Annotated[str | None, Field(serialization_alias="result")] = None
    started_at: Millis | None = None
    ended_at: Millis | None = None


class ResultPartsAnswer(Answer):
    """What a tool call came to beside its text; `type` says which kind each part is."""

    parts: tuple[Mapping[str, Any], ...]


class CondensationAnswer(Answer):
    """The summary that the model made of the conversation before that turn of the answer."""

    turn: int
    text: str
    model: str


class MessageDetail(MessageAnswer):
    """A message with its tool calls, and how the conversation was condensed meanwhile."""

    tool_calls: tuple[ToolCallAnswer, ...] = ()
    condensations: tuple[CondensationAnswer, ...] = ()


class DeltaAnswer(Answer):
    """Streamed text of one part, a call that is being written, or what one prints while it runs.

    `condensing`: the model summarises the conversation first. `toolCall`: it begins to write a call
    of the tool that `text` names; `toolInput`: the next characters of its arguments, up to a bound.
    When the turn is whole, the message's tool calls have those of the part. A `reset` says: forget
    the text of all parts from `part` on, and the input and output of their calls; an `outputReset`:
    what this call has printed.
    """

    part: int
    kind: Literal[
        "text", "thinking", "condensing", "toolCall", "toolInput", "output", "outputReset", "reset"
    ]
    text: str
    tool_call_id: str | None = None


class TaskAnswer(Answer):
    """A sub-agent: whose call it works for, and the message that it writes.

    Deltas, tool calls and all else of its work are asked for by the id of that message.
    """

    message_id: MessageId
    conversation_id: ConversationId
    turn: int
    tool_call_id: str
    title: str
    status: Literal["processing", "completed", "failed", "cancelled"] | None = None
    model: str | None = None
    usage: UsageAnswer | None = None
    started_at: Millis
    ended_at: Millis | None = None


class TasksAnswer(Answer):
    """The sub-agents of an answer, in the order in which they were asked."""

    tasks: tuple[TaskAnswer, ...]


class DeltaPageAnswer(Answer):
    """What was streamed since a cursor; a final `status` says that the message is whole."""

    runs: tuple[DeltaAnswer, ...]
    next: int
    has_more: bool
    status: Literal["processing", "completed", "failed", "cancelled"] | None = None


WhenBusy = Literal["queue", "interrupt", "steer", "reject"]
POLICIES: Mapping[WhenBusy | None, BusyPolicy] = {
    "queue": "queue",
    "interrupt": "cancel",
    "steer": "steer",
    "reject": "reject",
}


class NewMessage(Body):
    """A message of the person."""

    conversation_id: Annotated[
        ConversationId, Field(min_length=1, max_length=ID_LIMIT_CHARS, examples=["k57c2…"])
    ]
    message: str = Field(
        min_length=1,
        max_length=MESSAGE_LIMIT_CHARS,
        pattern=r"\S",
        examples=["Add a test for the money formatter"],
    )
    model: ModelName | None = Field(
        None, description="Who answers; by default the model of the conversation."
    )
    attachments: AttachedTo = ()
    model_id: ModelName | None = Field(
        None, description="As `model`, but a name that is not allowed is passed over (front end T)."
    )
    when_busy: WhenBusy | None = Field(
        None,
        description="While an answer is being written in the conversation: the message waits for "
        "its turn, or cancels that answer, or becomes part of it, or is refused (409). Without it "
        "the server decides (POLARIS_BUSY_POLICY).",
    )


class Sent(Success):
    """The message is stored and its answer under way."""

    message_id: MessageId = Field(description="Of the answer, which is `processing` now.")
    user_message_id: MessageId
    steers: MessageId | None = Field(
        None, description="The message is part of this answer and gets none of its own."
    )
    event_id: str
    run_id: str | None = Field(
        None, description="Missing when the engine is away: the run starts once it is back."
    )


class EditedMessage(Body):
    """A message of the person as it should have been."""

    content: str = Field(
        min_length=1,
        max_length=MESSAGE_LIMIT_CHARS,
        pattern=r"\S",
        examples=["Add a test for the date formatter"],
    )
    attachments: AttachedTo | None = Field(
        None, description="Without it those of the message that is edited; empty: none."
    )
    restore_files: bool = Field(
        False, description="First undo what checkpoints know of since the message was sent."
    )


class Forked(Sent):
    """The edited message is stored in a new conversation, and its answer under way."""

    conversation_id: ConversationId = Field(description="It holds what came before the message.")
    restored: RestoredAnswer | None = Field(
        None, description="What became of the files; missing where there was nothing to undo."
    )


class CancelMessages(Body):
    """What to cancel: every answer of a project, or one; exactly one of the two."""

    project_id: ProjectId | None = Field(None, min_length=1, max_length=ID_LIMIT_CHARS)
    message_id: MessageId | None = Field(None, min_length=1, max_length=ID_LIMIT_CHARS)


class CancelledAnswer(Success):
    """Which answers were stopped; `cancelled` is false when none was running."""

    cancelled: bool
    message_ids: tuple[MessageId, ...] | None = None


class DeleteMessage(Body):
    """The answer to stop."""

    message_id: MessageId = Field(min_length=1, max_length=ID_LIMIT_CHARS)
