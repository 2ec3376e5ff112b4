"""What the public events and tasks carry. A token of GitHub has no place in them."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from app.services.generating import StackName
from core.ids import ConversationId, MessageId, ProjectId

Id = Annotated[str, Field(min_length=1, max_length=64)]
Words = Annotated[str, Field(min_length=1, max_length=100_000, pattern=r"\S")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Url = Annotated[str, Field(min_length=1, max_length=2_000)]
_NAME = r"^[A-Za-z0-9._-]{1,100}$"


class Payload(BaseModel):
    """What an event or a task carries; unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=False
    )


class MessagePayload(Payload):
    """A message to a conversation; or an answer (`messageId`, no `message`) that is tried again."""

    conversation_id: Annotated[ConversationId, Id] | None = None
    message: Words | None = None
    message_id: Annotated[MessageId, Id] | None = None
    project_id: Annotated[ProjectId, Id] | None = None
    model: Name | None = None
    when_busy: Literal["queue", "interrupt", "steer", "reject"] | None = None

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.message is not None and self.conversation_id is None:
            raise ValueError("conversationId: where is the message to go?")
        if self.message is None and self.message_id is None:
            raise ValueError("give conversationId and message, or messageId to answer it again")
        return self


class ImportPayload(Payload):
    """A repository that a new project is made of: `url`, or `owner` and `repo`."""

    url: Url | None = None
    repo_url: Url | None = None
    owner: Annotated[str, Field(pattern=_NAME)] | None = None
    repo: Annotated[str, Field(pattern=_NAME)] | None = None
    branch: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    folder: Annotated[str, Field(max_length=1_024)] | None = None

    @property
    def address(self) -> str:
        """Where it is."""
        return self.url or self.repo_url or f"{self.owner}/{self.repo}"

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if sum((bool(self.url), bool(self.repo_url), bool(self.owner and self.repo))) != 1:
            raise ValueError("give either url, or repoUrl, or owner and repo")
        return self


class ExportPayload(Payload):
    """A project, and the repository it goes to: a new one (`repoName`), or one by address."""

    project_id: Annotated[ProjectId, Id]
    repo_name: Annotated[str, Field(pattern=_NAME)] | None = None
    repo_url: Url | None = None
    visibility: Literal["public", "private"] = "private"
    description: Annotated[str, Field(max_length=350)] = ""
    commit_message: Annotated[str, Field(max_length=5_000)] = ""

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if (self.repo_name is None) == (self.repo_url is None):
            raise ValueError("give either repoName or repoUrl")
        return self


class GeneratePayload(Payload):
    """A project to make of a description, or to go on with."""

    description: Annotated[str, Field(min_length=10, max_length=100_000, pattern=r"\S")] | None = (
        None
    )
    project_name: Name | None = None
    project_id: Annotated[ProjectId, Id] | None = None
    stack: StackName | None = None

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.description is None and self.project_id is None:
            raise ValueError("description is needed where there is no projectId")
        return self


class MessageCancelPayload(Payload):
    """One answer, or every answer of a project."""

    message_id: Annotated[MessageId, Id] | None = None
    project_id: Annotated[ProjectId, Id] | None = None

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.message_id is None and self.project_id is None:
            raise ValueError("give messageId or projectId")
        return self


class ProjectPayload(Payload):
    """Which project."""

    project_id: Annotated[ProjectId, Id]


class ImportCancelPayload(ProjectPayload):
    """Whose import is to stop."""


class ExportCancelPayload(ProjectPayload):
    """Whose export is to stop."""


class GenerateCancelPayload(ProjectPayload):
    """Whose generation is to stop."""


StartPayload = MessagePayload | ImportPayload | ExportPayload | GeneratePayload
CancelPayload = (
    MessageCancelPayload | ImportCancelPayload | ExportCancelPayload | GenerateCancelPayload
)
