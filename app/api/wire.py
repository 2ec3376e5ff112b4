"""Requests and answers: camelCase JSON.

A row says its id twice: as `_id`, like a Convex document, and by what it is of (`projectId`).
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Header, Query
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    computed_field,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from core.ids import ConversationId, FileId, MessageId, ProjectId
from core.text import PROBLEM, unstorable_at

NAME_LIMIT_CHARS = 200
MESSAGE_LIMIT_CHARS = 100_000
PATH_LIMIT_CHARS = 1_024
ID_LIMIT_CHARS = 64

Millis = Annotated[
    datetime,
    PlainSerializer(lambda at: round(at.timestamp() * 1000), return_type=int),
    WithJsonSchema(
        {
            "type": "integer",
            "description": "Milliseconds since 1970",
            "examples": [1767225600000],
        }
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key again gives the first answer again, and does nothing.",
    ),
]
Cursor = Annotated[
    str | None, Query(max_length=4_096, description="`nextCursor` of the page before.")
]
Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT_CHARS)]
PathText = Annotated[str, Field(min_length=1, max_length=PATH_LIMIT_CHARS)]
FileText = Annotated[str, Field(max_length=15 * 1024 * 1024)]  # as much as Convex takes at once
Command = Annotated[str, Field(max_length=1_000)]


class Body(BaseModel):
    """What a client sends.

    Unknown fields are refused, not dropped, and so is a text anywhere in it that cannot be stored.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=False
    )

    @model_validator(mode="before")
    @classmethod
    def _can_be_stored(cls, given: object) -> object:
        place = unstorable_at(given)
        if place is None:
            return given
        fault = InitErrorDetails(
            type=PydanticCustomError("unstorable_text", PROBLEM), loc=place, input=None
        )
        raise ValidationError.from_exception_data(cls.__name__, [fault], hide_input=True)


class Answer(BaseModel):
    """What we send; fields without a value are left out."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, from_attributes=True
    )


class CreationTimes(Answer):
    """When it was made, under the name that Convex gives this field."""

    created_at: Annotated[Millis, Field(serialization_alias="_creationTime")]


class Success(Answer):
    """It is done."""

    success: Literal[True] = True


# --- projects


class NewProject(Body):
    """A project to make."""

    name: Annotated[Name, Field(examples=["my-shop"])]


class ProjectSettingsBody(Body):
    """Commands of the preview; what is left out becomes the default."""

    install_command: Command | None = Field(None, examples=["npm install"])
    dev_command: Command | None = Field(None, examples=["npm run dev"])


class ProjectPatch(Body):
    """What to change of a project; at least one of the two."""

    name: Name | None = None
    settings: ProjectSettingsBody | None = None


class ProjectSettingsAnswer(Answer):
    """Commands of the preview."""

    install_command: str | None = None
    dev_command: str | None = None


class ProjectAnswer(CreationTimes):
    """A project."""

    project_id: ProjectId
    owner_id: str
    name: str
    updated_at: Millis
    settings: ProjectSettingsAnswer
    import_status: str | None = None
    export_status: str | None = None
    export_repo_url: str | None = None

    @computed_field(alias="_id")
    @property
    def row_id(self) -> ProjectId:
        """The same id, under Convex's name."""
        return self.project_id


class ProjectPage(Answer):
    """Projects, last updated first."""

    projects: tuple[ProjectAnswer, ...]
    next_cursor: str | None = None


# --- files


class FileAnswer(Answer):
    """A file or folder, without its content."""

    file_id: FileId
    project_id: ProjectId
    path: str
    name: str
    kind: Annotated[Literal["file", "folder"], Field(serialization_alias="type")]
    size_bytes: Annotated[int, Field(serialization_alias="size")]
    version: int
    updated_at: Millis
    parent_id: FileId | None = None
    sha256: str | None = None

    @computed_field(alias="_id")
    @property
    def row_id(self) -> FileId:
        """The same id, under Convex's name."""
        return self.file_id


class FilePage(Answer):
    """Files and folders by path."""

    files: tuple[FileAnswer, ...]
    next_cursor: str | None = None


class FileContentAnswer(FileAnswer):
    """A file with its content: `content` when it is text, else `contentBase64`."""

    content: str | None = None
    content_base64: str | None = None


class FileBody(Body):
    """The content of a file: one of the two."""

    content: FileText | None = Field(None, examples=["export const answer = 42;\n"])
    content_base64: FileText | None = Field(
        None, description="For bytes that are not UTF-8 text, or hold a NUL."
    )


class NewEntry(Body):
    """A file or folder to make where nothing stands."""

    type: Literal["file", "folder"]
    path: Annotated[PathText, Field(examples=["src/index.ts"])]
    content: FileText | None = Field(None, description="Of a file; none means empty.")


class Rename(Body):
    """Where a file or folder moves."""

    path: Annotated[PathText, Field(examples=["src/old.ts"])]
    new_path: Annotated[PathText, Field(examples=["src/new.ts"])]


# --- conversations and messages


class NewConversation(Body):
    """A conversation to start."""

    title: Name = Field("New conversation", examples=["New conversation"])


class ConversationAnswer(CreationTimes):
    """A thread of messages."""

    conversation_id: ConversationId
    project_id: ProjectId
    title: str
    updated_at: Millis

    @computed_field(alias="_id")
    @property
    def row_id(self) -> ConversationId:
        """The same id, under Convex's name."""
        return self.conversation_id


class ConversationPage(Answer):
    """Conversations, newest first."""

    conversations: tuple[ConversationAnswer, ...]
    next_cursor: str | None = None


class UsageAnswer(Answer):
    """Tokens that an answer took, and what they cost."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float | None = Field(
        None, description="US dollars by the model table, of the turns whose price it knows."
    )


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
    run_id: str | None = None
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


class MessageDetail(MessageAnswer):
    """A message with its tool calls."""

    tool_calls: tuple[ToolCallAnswer, ...] = ()


class DeltaAnswer(Answer):
    """Streamed text of one part; a reset says: forget the text of all parts from `part` on."""

    part: int
    kind: Literal["text", "thinking", "reset"]
    text: str


class DeltaPageAnswer(Answer):
    """What was streamed since a cursor; a final `status` says that the message is whole."""

    runs: tuple[DeltaAnswer, ...]
    next: int
    has_more: bool
    status: Literal["processing", "completed", "failed", "cancelled"] | None = None


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


class Sent(Success):
    """The message is stored and its answer under way."""

    message_id: MessageId = Field(description="Of the answer, which is `processing` now.")
    user_message_id: MessageId
    event_id: str
    run_id: str | None = Field(
        None, description="Missing when the engine is away: the run starts once it is back."
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
