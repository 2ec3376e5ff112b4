"""What `useChat` sends: the conversation as its page has it, of which the last message counts."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import unquote_to_bytes

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.http.errors import InvalidRequest
from app.http.messages.wire import (
    ID_LIMIT_CHARS,
    MAX_ATTACHMENTS,
    MESSAGE_LIMIT_CHARS,
    NewAttachment,
    WhenBusy,
)
from app.services.chatting import QUESTION_TOOL, Reply, Verdict
from app.wire.shapes import Body, ModelName
from core.ids import AskId, ProjectId
from core.invalid import place_of, reason_of

CHAT_ID_LIMIT_CHARS = 200
MAX_MESSAGES = 10_000
PARAGRAPH = "\n\n"
TOOL = "tool-"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?P<more>(?:;[^;,]*)*),(?P<data>.*)", re.DOTALL)

Part = Mapping[str, Any]
ChatId = Annotated[str, Field(min_length=1, max_length=CHAT_ID_LIMIT_CHARS, pattern=r"^\S+$")]


class ChatMessage(BaseModel):
    """A `UIMessage`. Apps add fields of their own to it, which are not for us."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field("", max_length=CHAT_ID_LIMIT_CHARS)
    role: Literal["system", "user", "assistant"]
    parts: tuple[dict[str, Any], ...] = Field(max_length=10_000)


class ChatBody(Body):
    """What the transport of `useChat` posts, and what a page may add to it (`body`)."""

    id: ChatId = Field(description="A conversation, or a word of the page's own (see projectId).")
    messages: tuple[dict[str, Any], ...] = Field(
        min_length=1,
        max_length=MAX_MESSAGES,
        description="Only the last one is read: the server has the others.",
        examples=[
            [{"id": "m1", "role": "user", "parts": [{"type": "text", "text": "Add a test"}]}]
        ],
    )
    trigger: Literal["submit-message", "regenerate-message"] = "submit-message"
    message_id: str | None = Field(None, max_length=CHAT_ID_LIMIT_CHARS)
    project_id: ProjectId | None = Field(
        None,
        min_length=1,
        max_length=ID_LIMIT_CHARS,
        description="Where a chat begins that is not there yet: `id` is its name in the project.",
    )
    model: ModelName | None = Field(None, description="Who answers this message.")
    when_busy: WhenBusy | None = Field(None, description="As of POST /api/messages.")

    @property
    def last(self) -> ChatMessage:
        """The message that counts. Raises: InvalidRequest."""
        place = f"messages.{len(self.messages) - 1}"
        try:
            return ChatMessage.model_validate(self.messages[-1])
        except ValidationError as fault:
            first = fault.errors()[0]
            field = place_of([place, *(str(each) for each in first["loc"])])
            raise InvalidRequest(f"{field}: {reason_of(first)}", field=field) from None


@dataclass(frozen=True)
class NewUpload:
    """An image that came with a message."""

    name: str | None
    data: bytes


Attached = NewUpload | NewAttachment


@dataclass(frozen=True)
class Asked:
    """A message of the person: its text, its images and files in order, and its key."""

    text: str
    attached: tuple[Attached, ...]
    key: str


def asked_of(message: ChatMessage) -> Asked:
    """What the person says. Raises: InvalidRequest: which part cannot be sent, and why."""
    texts: list[str] = []
    attached: list[Attached] = []
    for index, part in enumerate(message.parts):
        match part:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": "file", "url": str(url)}:
                attached.append(_upload_of(url, part, index))
            case {"type": "data-file"}:
                attached.append(_file_of(part.get("data"), index))
            case _:
                raise _wrong(
                    index,
                    "a message holds text, images (type file, with a data: URL), and files of the "
                    "project (type data-file, with data {path, startLine?, endLine?})",
                )
    text = PARAGRAPH.join(each for each in texts if each)
    if not text.strip():
        raise InvalidRequest("messages: the last one has no text", field="messages")
    if len(text) > MESSAGE_LIMIT_CHARS:
        raise InvalidRequest(
            f"messages: the last one is longer than {MESSAGE_LIMIT_CHARS} characters",
            field="messages",
        )
    if len(attached) > MAX_ATTACHMENTS:
        raise InvalidRequest(
            f"messages: the last one has more than {MAX_ATTACHMENTS} files", field="messages"
        )
    if _KEY.fullmatch(message.id) is None:
        raise InvalidRequest(
            "messages: the last one needs an id, of letters without spaces: the same id again is "
            "the same message",
            field="messages",
        )
    return Asked(text=text, attached=tuple(attached), key=message.id)


def _upload_of(url: str, part: Part, index: int) -> NewUpload:
    found = _DATA_URL.fullmatch(url)
    if found is None:
        raise _wrong(index, "url has to be a data: URL; nothing is fetched from elsewhere")
    raw = unquote_to_bytes(found["data"])
    if ";base64" in found["more"].lower():
        try:
            raw = base64.b64decode(raw, validate=True)
        except binascii.Error:
            raise _wrong(index, "url is no valid base64") from None
    name = " ".join(str(part.get("filename") or "").split())[:ID_LIMIT_CHARS]
    return NewUpload(name=name or None, data=raw)


def _file_of(data: object, index: int) -> NewAttachment:
    try:
        return NewAttachment.model_validate(data)
    except ValidationError as fault:
        first = fault.errors()[0]
        field = place_of([str(each) for each in first["loc"]])
        why = f"{field}: {reason_of(first)}" if field else reason_of(first)
        raise _wrong(index, f"data: {why}") from None


def _wrong(index: int, why: str) -> InvalidRequest:
    return InvalidRequest(f"messages: part {index} of the last one: {why}", field="messages")


@dataclass(frozen=True)
class Shown:
    """What a page has of an answer that waits for the person, and what they say."""

    step: int
    inputs: frozenset[str]
    """Calls of that step which the page has whole."""
    outputs: frozenset[str]
    asked: frozenset[str]
    """Calls of that step of which the page knows that they need approval."""
    verdicts: tuple[Verdict, ...]
    replies: tuple[Reply, ...]


def shown_of(message: ChatMessage) -> Shown:
    """Read it from the parts of the page's last message."""
    starts = [at for at, part in enumerate(message.parts) if part.get("type") == "step-start"]
    tools = [part for part in message.parts if _is_tool(part)]
    in_step = [part for part in message.parts[starts[-1] if starts else 0 :] if _is_tool(part)]
    return Shown(
        step=len(starts) - 1,
        inputs=_ids(it for it in in_step if it.get("state") != "input-streaming"),
        outputs=_ids(it for it in in_step if str(it.get("state")).startswith("output-")),
        asked=_ids(it for it in in_step if isinstance(it.get("approval"), Mapping)),
        verdicts=tuple(_verdicts(tools)),
        replies=tuple(_replies(in_step)),
    )


def _is_tool(part: Part) -> bool:
    kind = str(part.get("type"))
    return kind.startswith(TOOL) and isinstance(part.get("toolCallId"), str)


def _ids(parts: Iterator[Part]) -> frozenset[str]:
    return frozenset(str(part["toolCallId"]) for part in parts)


def _verdicts(tools: Sequence[Part]) -> Iterator[Verdict]:
    for part in tools:
        match part:
            case {
                "state": "approval-responded",
                "approval": {"id": str(approval_id), "approved": bool(is_approved), **more},
            }:
                reason = str(more.get("reason") or "").strip()
                yield Verdict(AskId(approval_id), is_approved, reason or None)
            case _:
                continue


def _replies(tools: Sequence[Part]) -> Iterator[Reply]:
    for part in tools:
        match part:
            case {"state": "output-available", "output": str(text), "toolCallId": str(call_id)} if (
                part.get("type") == TOOL + QUESTION_TOOL and text.strip()
            ):
                yield Reply(call_id, text)
            case _:
                continue
