"""Anthropic's Messages API through its official SDK."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Self

import anthropic
import anyio
import httpx2
from anthropic.types import RawMessageStreamEvent

from core.ids import ToolCallId
from llm.anthropic_request import has_thoughts, request_body, without_thoughts
from llm.arguments import whole_object
from llm.catalog import Catalog
from llm.faults import ModelRefused
from llm.judging import Fault, raised_by, retry_after_s
from llm.model import (
    AssistantMessage,
    ModelEvent,
    ModelRequest,
    StopReason,
    TextDelta,
    TextPart,
    ThinkingDelta,
    ThinkingPart,
    ToolCall,
    ToolCallStarted,
    Turn,
    TurnEnded,
    Usage,
)
from llm.reading import DRAIN_S, Silence, within
from llm.retry import Patience, retrying
from llm.text import WholeCharacters

log = logging.getLogger(__name__)

BASE_URL = "https://api.anthropic.com"

_STOPS = {
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.END,
    "pause_turn": StopReason.END,  # only server tools pause, and we declare none
    "tool_use": StopReason.TOOL_CALLS,
    "max_tokens": StopReason.MAX_TOKENS,
    "refusal": StopReason.REFUSAL,
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,
}
_WHOLE = (StopReason.END, StopReason.TOOL_CALLS)


_FAULTS = (
    anthropic.APIError,
    httpx2.HTTPError,  # a socket that drops in the middle is not wrapped by the SDK
    anyio.EndOfStream,
    Silence,
    OSError,
    ValueError,  # an event that is no JSON, or none of the protocol
)


_BAD_REQUEST = 400


class _ThoughtRejected(ModelRefused):
    """A thought in the history is not accepted at its place."""


class AnthropicModel:
    """One of Anthropic's models.

    Close it, or use it as an async context manager, to free its connections.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str,
        base_url: str = BASE_URL,
        catalog: Catalog | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._model = model
        self._facts = (catalog or Catalog.default()).facts(f"anthropic/{model}")
        self._patience = patience or Patience()
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,  # `retrying` knows the rules of the port
            timeout=anthropic.Timeout(self._patience.idle_s, connect=self._patience.connect_s),
        )
        self._messages = self._client.messages  # imported on first use: not within the first turn

    @property
    def name(self) -> str:
        """`anthropic/…`."""
        return f"anthropic/{self._model}"

    @property
    def context_window(self) -> int:
        """As the catalog says."""
        return self._facts.context_window

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`.

        A thought is bound to the model and to all that stood before it. When the provider rejects
        one, because the history was shortened or another model wrote it, the turn is asked for once
        more without any: otherwise the conversation could never go on.
        """
        try:
            async with aclosing(self._retrying(request)) as events:
                async for event in events:
                    yield event
        except _ThoughtRejected:
            log.warning("thoughts_dropped", extra={"model": self.name})
        else:
            return
        async with aclosing(self._retrying(without_thoughts(request))) as events:
            async for event in events:
                yield event

    def _retrying(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        return retrying(lambda: self._attempt(request), self._patience, model=self.name)

    async def _attempt(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        body = request_body(request, model=self._model, facts=self._facts)
        turn = _TurnSoFar()
        yielded = False
        fault, cause = Fault(text="the stream ended before the answer did"), None
        try:
            async with (
                await self._messages.create(**body, stream=True) as raw,
                aclosing(within(raw, lambda: self._limit_s(turn))) as events,
            ):
                async for raw_event in events:
                    for event in turn.take(raw_event):
                        yielded = True
                        yield event
        except _FAULTS as error:
            fault, cause = _fault_of(error)
        if not turn.is_over and _is_about_thoughts(fault) and has_thoughts(request):
            raise _ThoughtRejected(fault.text)
        if not turn.is_over:
            raise raised_by(fault, model=self.name, yielded=yielded) from cause
        yield TurnEnded(turn.finished(asked=self.name))

    def _limit_s(self, turn: "_TurnSoFar") -> float:
        return DRAIN_S if turn.is_over else self._patience.idle_s


def _is_about_thoughts(fault: Fault) -> bool:
    """Whether the history's reasoning is refused; the API has only a sentence for it."""
    return fault.status == _BAD_REQUEST and "thinking" in fault.text


def _fault_of(error: Exception) -> tuple[Fault, Exception | None]:
    """What went wrong, and the cause to chain: none where its text may hold a part of the key."""
    match error:
        case anthropic.APIStatusError():
            # A fault in the middle of a stream arrives here too, with the 200 of the response.
            mid_stream = error.response.is_success
            fault = Fault(
                status=None if mid_stream else error.status_code,
                words=frozenset({error.type} if error.type else ()),
                text=error.api_message or "the provider gave no reason",
                retry_after_s=retry_after_s(error.response.headers.get("retry-after")),
            )
            return fault, None
        case anthropic.APITimeoutError():
            return Fault(text="the provider did not answer in time"), error
        case Silence():
            return Fault(text=str(error)), error
        case ValueError():
            return Fault(text="the provider sent something that is no event"), error
        case _:
            kind = type(error.__cause__ or error).__name__
            return Fault(text=f"the connection to the provider failed ({kind})"), error


@dataclass
class _Block:
    """A content block that is being written."""

    kind: str
    text: str = ""
    signature: str = ""
    call_id: str = ""
    name: str = ""
    is_whole: bool = False
    characters: WholeCharacters = field(default_factory=WholeCharacters)


@dataclass
class _TurnSoFar:
    """Builds the turn from raw events; never parses a part of a tool call's arguments."""

    is_over: bool = False
    _blocks: dict[int, _Block] = field(default_factory=dict[int, _Block])
    _model: str = ""
    _stop: str | None = None
    _usage: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, event: RawMessageStreamEvent) -> list[ModelEvent]:
        """Add one event; gives what the caller should see. New kinds of event are passed over."""
        if event.type == "message_start":
            self._model = event.message.model
            self._count(event.message.usage)
        elif event.type == "content_block_start":
            return self._started(event.index, event.content_block)
        elif event.type == "content_block_delta":
            return self._grown(self._block(event.index), event.delta)
        elif event.type == "content_block_stop":
            return self._stopped(self._block(event.index))
        elif event.type == "message_delta":
            self._stop = event.delta.stop_reason or self._stop
            self._count(event.usage)
        elif event.type == "message_stop":
            self.is_over = self._stop is not None
        return []

    def _block(self, index: int) -> _Block:
        if index not in self._blocks:
            raise ValueError(f"content block {index} was not started")
        return self._blocks[index]

    def _started(self, index: int, content: Any) -> list[ModelEvent]:  # a union of many block types
        block = _Block(content.type)
        self._blocks[index] = block
        if content.type == "tool_use":
            block.call_id, block.name = content.id, content.name
            return [ToolCallStarted(ToolCallId(content.id), content.name)]
        if content.type == "redacted_thinking":
            block.signature = content.data
        return []

    def _grown(self, block: _Block, delta: Any) -> list[ModelEvent]:  # a union of delta types
        match delta.type:
            case "text_delta":
                text = block.characters.feed(delta.text)
                block.text += text
                return [TextDelta(text)] if text else []
            case "thinking_delta":
                text = block.characters.feed(delta.thinking)
                block.text += text
                return [ThinkingDelta(text)] if text else []
            case "signature_delta":
                block.signature += delta.signature
            case "input_json_delta":
                block.text += delta.partial_json
            case _:
                pass  # citations: only for documents, which we do not send
        return []

    def _stopped(self, block: _Block) -> list[ModelEvent]:
        block.is_whole = True
        rest = block.characters.rest()
        if not rest:
            return []
        block.text += rest
        return [TextDelta(rest) if block.kind == "text" else ThinkingDelta(rest)]

    def _count(
        self, usage: Any
    ) -> None:  # two SDK classes with the same fields, the second cumulative
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        ):
            value = getattr(usage, name)
            if value is not None:
                self._usage[name] = value

    def finished(self, *, asked: str) -> Turn:
        """The turn, without calls that are not whole; `asked` is the model that was asked."""
        stop = _STOPS.get(self._stop or "")
        if stop is None:
            log.warning("unknown_stop_reason", extra={"stop_reason": self._stop})
            stop = StopReason.MAX_TOKENS  # as careful as with an answer that was cut
        parts: list[TextPart | ThinkingPart | ToolCall] = []
        dropped: list[str] = []
        last = max(self._blocks, default=-1)
        for index, block in sorted(self._blocks.items()):
            if block.kind == "tool_use":
                arguments = whole_object(block.text) if block.is_whole else None
                is_cut = stop not in _WHOLE and index == last and not block.text.strip()
                if arguments is None or is_cut:
                    dropped.append(block.name)
                else:
                    parts.append(ToolCall(ToolCallId(block.call_id), block.name, arguments))
            elif block.kind == "text" and block.text:
                parts.append(TextPart(block.text))
            elif block.kind == "thinking" and block.signature:
                parts.append(ThinkingPart(block.text, block.signature))
            elif block.kind == "redacted_thinking":
                parts.append(ThinkingPart("", block.signature, redacted=True))
        return Turn(
            message=AssistantMessage(tuple(parts)),
            stop_reason=stop,
            usage=Usage(
                input_tokens=self._usage.get("input_tokens", 0),
                output_tokens=self._usage.get("output_tokens", 0),
                cache_read_tokens=self._usage.get("cache_read_input_tokens", 0),
                cache_write_tokens=self._usage.get("cache_creation_input_tokens", 0),
            ),
            model=f"anthropic/{self._model}" if self._model else asked,
            dropped_calls=tuple(dropped),
        )
