"""The port to a language model: messages in, a stream of deltas and one finished turn out."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from core.ids import ToolCallId
from core.usage import Usage
from llm.wire import Wire


@dataclass(frozen=True)
class TextPart:
    """Prose for the person; never empty in a request."""

    text: str


@dataclass(frozen=True)
class ThinkingPart:
    """Reasoning; `signature` is the provider's opaque proof and must be sent back unchanged.

    An empty `signature` means that the provider gives none and does not want the text back. When
    `redacted`, the text is empty and `signature` is the whole encrypted block.
    """

    text: str
    signature: str
    redacted: bool = False


@dataclass(frozen=True)
class ToolCall:
    """The model wants `name` run with `arguments`, which have been parsed whole."""

    call_id: ToolCallId
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Image:
    """What a tool or the person shows to a model that sees; `data` is base64.

    A model that does not see is told, where the person shows one, that it cannot see it.
    """

    media_type: str
    data: str


@dataclass(frozen=True)
class ToolResult:
    """The answer to the tool call `call_id`; `text` may be empty.

    The text stands for itself: a model that does not see is sent no `images`, and none go with an
    error.
    """

    call_id: ToolCallId
    text: str
    is_error: bool = False
    images: tuple[Image, ...] = ()


@dataclass(frozen=True)
class UserMessage:
    """What the person said, or the results of the tool calls of the assistant message before it."""

    parts: tuple[TextPart | Image | ToolResult, ...]


@dataclass(frozen=True)
class AssistantMessage:
    """What the model said, in the order in which it said it."""

    parts: tuple[TextPart | ThinkingPart | ToolCall, ...]


UNSEEN = "[An image is attached here. You cannot see it: this model takes no images.]"
"""What a model that does not see is told in place of an image of the person."""

ModelMessage = UserMessage | AssistantMessage


@dataclass(frozen=True)
class ToolSpec:
    """A tool as the model sees it; `input_schema` is a JSON schema of an object."""

    name: str
    description: str
    input_schema: Mapping[str, Any]


@dataclass(frozen=True)
class Forced:
    """The turn has to call this tool, which is among those of the request."""

    name: str


@dataclass(frozen=True)
class ModelRequest:
    """One turn to generate.

    `messages` alternate and start with the user; each tool call has its result in the next
    message. `tool_choice` "none" keeps the tools declared (the prompt cache stays valid) but
    forbids calls. A model whose provider cannot have it think and be forced does not think
    in that turn. `cache_key` is the same for all requests that begin alike, those of a
    conversation, and says nothing of it: providers that take one find their cache by it. `wire`
    sees, and may answer, what is sent for this turn.
    """

    system: str
    messages: tuple[ModelMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    max_output_tokens: int = 16_000
    tool_choice: Literal["auto", "none"] | Forced = "auto"
    cache_key: str = ""
    wire: Wire | None = field(default=None, compare=False, repr=False)


class StopReason(StrEnum):
    """Why a turn ended; only `TOOL_CALLS` and `END` are whole."""

    END = "end"
    TOOL_CALLS = "tool_calls"
    MAX_TOKENS = "max_tokens"
    REFUSAL = "refusal"
    CONTEXT_FULL = "context_full"


@dataclass(frozen=True)
class Turn:
    """A finished turn.

    Tool calls in `message` are complete: a call that was cut off by `MAX_TOKENS`, or whose
    arguments are not a JSON object, is left out, and `dropped_calls` names the tools asked for in
    such calls. With a dropped call, `message` may be empty whatever `stop_reason` says. `model` is
    the one that answered, as `provider/model`.
    """

    message: AssistantMessage
    stop_reason: StopReason
    usage: Usage
    model: str
    dropped_calls: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class TextDelta:
    """The next characters of the prose."""

    text: str


@dataclass(frozen=True)
class ThinkingDelta:
    """The next characters of the reasoning."""

    text: str


@dataclass(frozen=True)
class ToolCallStarted:
    """The model has begun to write a call; its arguments are not known yet."""

    call_id: ToolCallId
    name: str


@dataclass(frozen=True)
class ToolInputDelta:
    """The next characters of a call's arguments, which are JSON once all of them are there."""

    call_id: ToolCallId
    text: str


@dataclass(frozen=True)
class TurnEnded:
    """The last event of every stream that did not raise."""

    turn: Turn


ModelEvent = TextDelta | ThinkingDelta | ToolCallStarted | ToolInputDelta | TurnEnded


class Model(Protocol):
    """A language model behind some provider."""

    @property
    def name(self) -> str:
        """`provider/model`, for records and logs."""
        ...

    @property
    def context_window(self) -> int:
        """Tokens that request and answer may have together; of a list, of its first model."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Generate one turn.

        Yields deltas and then exactly one `TurnEnded`. Closing the generator, or cancelling the
        task that iterates it, closes the connection to the provider before it returns.

        Raises:
            ModelUnavailable: overloaded, rate limited, unreachable or silent; nothing was yielded.
                A `RateLimited` says in `retry_at` from when on asking again makes sense.
            StreamBroken: the same after something was yielded, or the stream ended early.
            ModelRefused: the provider rejects the request or the key; trying again will not help.
        """
        ...
