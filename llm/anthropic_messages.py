"""Anthropic's Messages API through its official SDK."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Self, assert_never

import anthropic
import anyio
import httpx2
from anthropic.types import RawMessageStreamEvent

from core.errors import Refused, Transient
from core.ids import ToolCallId
from llm.anthropic_request import request_body
from llm.arguments import whole_object
from llm.catalog import Catalog
from llm.faults import Fault, raised_by, retry_after_s
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
from llm.retry import RetryPolicy, Silence, next_within, retrying

log = logging.getLogger(__name__)

CONNECT_S = 5.0
IDLE_S = 300.0  # hidden reasoning sends nothing for minutes; Codex waits as long

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


class AnthropicModel:
    """One of Anthropic's models. Close it, or use it as an async context manager, to free its connections."""

    def __init__(
        self,
        model: str,
        *,
        api_key: str,
        base_url: str = "https://api.anthropic.com",
        catalog: Catalog | None = None,
        retry: RetryPolicy | None = None,
        connect_timeout_s: float = CONNECT_S,
        idle_timeout_s: float = IDLE_S,
    ) -> None:
        self._model = model
        self._facts = (catalog or Catalog.default()).facts(f"anthropic/{model}")
        self._retry = retry or RetryPolicy()
        self._idle_timeout_s = idle_timeout_s
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,  # ours retries with the rules of the port
            timeout=anthropic.Timeout(
                idle_timeout_s, connect=connect_timeout_s, pool=connect_timeout_s
            ),
        )

    @property
    def name(self) -> str:
        """`anthropic/…`."""
        return f"anthropic/{self._model}"

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`."""
        events = retrying(lambda: self._attempt(request), self._retry, model=self.name)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _attempt(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        body = request_body(request, model=self._model, facts=self._facts)
        turn = _TurnSoFar()
        yielded = False
        try:
            async with await self._client.messages.create(**body, stream=True) as events:
                iterator = aiter(events)
                while not turn.is_over:
                    for event in turn.take(await next_within(iterator, self._idle_timeout_s)):
                        yielded = True
                        yield event
        except StopAsyncIteration as error:
            raise self._error("the stream ended before the answer did", yielded) from error
        except Silence as error:
            raise self._error(str(error), yielded) from error
        except anthropic.APIStatusError as error:
            # A fault in the middle of a stream arrives here too, with the status 200 of the response.
            raise raised_by(_fault_of(error), model=self.name, yielded=yielded) from None
        except anthropic.APITimeoutError as error:
            raise self._error("the provider did not answer in time", yielded) from error
        except (
            anthropic.APIConnectionError,
            httpx2.HTTPError,
            anyio.EndOfStream,
            OSError,
        ) as error:
            raise self._error("the connection to the provider failed", yielded) from error
        except ValueError as error:
            raise self._error("the provider sent something that is no event", yielded) from error
        yield TurnEnded(turn.finished(provider="anthropic"))

    def _error(self, text: str, yielded: bool) -> Refused | Transient:  # noqa: FBT001 - a fact, not a mode
        return raised_by(Fault(text=text), model=self.name, yielded=yielded)


def _fault_of(error: anthropic.APIStatusError) -> Fault:
    mid_stream = error.status_code == 200  # noqa: PLR2004 - see trap 1: the error came inside a good response
    return Fault(
        status=None if mid_stream else error.status_code,
        words=frozenset({error.type} if error.type else ()),
        text=error.api_message or "the provider gave no reason",
        retry_after_s=retry_after_s(error.response.headers.get("retry-after")),
    )


@dataclass
class _Block:
    """A content block that is being written."""

    kind: str
    text: str = ""
    signature: str = ""
    call_id: str = ""
    name: str = ""
    is_whole: bool = False


@dataclass
class _TurnSoFar:
    """Builds the turn from raw events; never parses a part of a tool call's arguments."""

    is_over: bool = False
    _blocks: dict[int, _Block] = field(default_factory=dict[int, _Block])
    _model: str = ""
    _stop: str | None = None
    _usage: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, event: RawMessageStreamEvent) -> list[ModelEvent]:
        """Add one event; gives what the caller should see of it."""
        match event.type:
            case "message_start":
                self._model = event.message.model
                self._count(event.message.usage)
            case "content_block_start":
                return self._started(event.index, event.content_block)
            case "content_block_delta":
                return self._grown(event.index, event.delta)
            case "content_block_stop":
                if event.index in self._blocks:
                    self._blocks[event.index].is_whole = True
            case "message_delta":
                self._stop = event.delta.stop_reason or self._stop
                self._count(event.usage)
            case "message_stop":
                if self._stop is None:
                    raise ValueError("message_stop without a stop reason")
                self.is_over = True
            case _ as never:
                assert_never(never)
        return []

    def _started(self, index: int, content: Any) -> list[ModelEvent]:  # a union of many block types
        block = _Block(content.type)
        self._blocks[index] = block
        if content.type == "tool_use":
            block.call_id, block.name = content.id, content.name
            return [ToolCallStarted(ToolCallId(content.id), content.name)]
        if content.type == "redacted_thinking":
            block.signature = content.data
        return []

    def _grown(self, index: int, delta: Any) -> list[ModelEvent]:  # a union of delta types
        block = self._blocks[index]
        match delta.type:
            case "text_delta":
                block.text += delta.text
                return [TextDelta(delta.text)] if delta.text else []
            case "thinking_delta":
                block.text += delta.thinking
                return [ThinkingDelta(delta.thinking)] if delta.thinking else []
            case "signature_delta":
                block.signature += delta.signature
            case "input_json_delta":
                block.text += delta.partial_json
            case _:
                pass  # citations: only for documents, which we do not send
        return []

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

    def finished(self, *, provider: str) -> Turn:
        """The turn, without calls that are not whole."""
        stop = _STOPS.get(self._stop or "")
        if stop is None:
            log.warning("unknown_stop_reason", extra={"stop_reason": self._stop})
            stop = StopReason.MAX_TOKENS  # not known to be whole, so its last call is not run
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
            model=f"{provider}/{self._model}",
            dropped_calls=tuple(dropped),
        )
