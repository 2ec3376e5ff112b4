"""OpenAI's Chat Completions API through its official SDK; compatible providers by base URL."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, cast

import openai
from openai.types.chat import ChatCompletionChunk

from core.ids import ToolCallId, new_id
from llm.arguments import whole_object
from llm.catalog import Catalog
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
from llm.openai_request import request_body
from llm.reading import Silence, within
from llm.retry import Patience, retrying
from llm.text import WholeCharacters

log = logging.getLogger(__name__)

USAGE_S = 5.0  # after the finish reason: the usage comes in a chunk of its own

_STOPS = {
    "stop": StopReason.END,
    "tool_calls": StopReason.TOOL_CALLS,
    "function_call": StopReason.TOOL_CALLS,
    "length": StopReason.MAX_TOKENS,
    "content_filter": StopReason.REFUSAL,
}
_WHOLE = (StopReason.END, StopReason.TOOL_CALLS)
_REASONING_FIELDS = (
    "reasoning_content",
    "reasoning",
)  # DeepSeek and others; OpenRouter and Cerebras


@dataclass(frozen=True)
class OpenAIProvider:
    """A provider that speaks the protocol, and where it differs."""

    name: str
    base_url: str
    limit_field: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"

    def at(self, base_url: str) -> Self:
        """The same provider at another address, `/v1` included."""
        return replace(self, base_url=base_url)


OPENAI = OpenAIProvider("openai", "https://api.openai.com/v1", "max_completion_tokens")
CEREBRAS = OpenAIProvider("cerebras", "https://api.cerebras.ai/v1", "max_completion_tokens")
OPENROUTER = OpenAIProvider("openrouter", "https://openrouter.ai/api/v1")
OLLAMA = OpenAIProvider("ollama", "http://127.0.0.1:11434/v1")


_FAULTS = (openai.APIError, Silence, OSError, ValueError)


class OpenAIModel:
    """A model behind Chat Completions. Close it, or use it as an async context manager."""

    def __init__(
        self,
        model: str,
        *,
        api_key: str,
        provider: OpenAIProvider = OPENAI,
        catalog: Catalog | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._model = model
        self._provider = provider
        self._facts = (catalog or Catalog.default()).facts(f"{provider.name}/{model}")
        self._patience = patience or Patience()
        self._client = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=provider.base_url,
            max_retries=0,  # `retrying` knows the rules of the port
            timeout=openai.Timeout(self._patience.idle_s, connect=self._patience.connect_s),
        )
        self._completions = self._client.chat.completions  # imported here, not in the first turn

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self._provider.name}/{self._model}"

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
        """See `Model.stream`."""
        events = retrying(lambda: self._attempt(request), self._patience, model=self.name)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _attempt(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        body = request_body(
            request, model=self._model, facts=self._facts, limit_field=self._provider.limit_field
        )
        turn = _TurnSoFar()
        yielded = False
        fault, cause = Fault(text="the stream ended before the answer did"), None
        try:
            async with (
                await self._completions.create(**body, stream=True) as raw,
                aclosing(within(raw, lambda: self._limit_s(turn))) as chunks,
            ):
                async for chunk in chunks:
                    for event in turn.take(chunk):
                        yielded = True
                        yield event
        except _FAULTS as error:
            fault, cause = _fault_of(error)
        # The SDK ends its iteration in silence when the stream stops early.
        if not turn.is_over:
            raise raised_by(fault, model=self.name, yielded=yielded) from cause
        yield TurnEnded(turn.finished(provider=self._provider.name, asked=self.name))

    def _limit_s(self, turn: "_TurnSoFar") -> float:
        return USAGE_S if turn.is_over else self._patience.idle_s


def _fault_of(error: Exception) -> tuple[Fault, Exception | None]:
    """What went wrong, and the cause to chain: none where its text may hold a part of the key."""
    match error:
        case openai.APIStatusError():
            body = cast("dict[str, Any]", error.body) if isinstance(error.body, dict) else {}
            fault = Fault(
                status=error.status_code,
                words=_words(error),
                text=str(body.get("message") or "the provider gave no reason"),
                retry_after_s=retry_after_s(error.response.headers.get("retry-after")),
            )
            return fault, None
        case openai.APITimeoutError():
            return Fault(text="the provider did not answer in time"), error
        case openai.APIConnectionError() | OSError():
            kind = type(error.__cause__ or error).__name__
            return Fault(text=f"the connection to the provider failed ({kind})"), error
        case openai.APIError():  # in the middle of a stream: it has a code but no status
            return Fault(words=_words(error), text=error.message), None
        case Silence():
            return Fault(text=str(error)), error
        case _:
            return Fault(text="the provider sent something that is no event"), error


def _words(error: openai.APIError) -> frozenset[str]:
    return frozenset(word for word in (error.code, error.type) if word)


@dataclass
class _Call:
    """A tool call that is being written."""

    index: int
    call_id: str
    name: str = ""
    text: str = ""


@dataclass
class _TurnSoFar:
    """Builds the turn from chunks; arguments are parsed only when all of them are there."""

    _text: str = ""
    _reasoning: str = ""
    _text_characters: WholeCharacters = field(default_factory=WholeCharacters)
    _reasoning_characters: WholeCharacters = field(default_factory=WholeCharacters)
    _calls: list[_Call] = field(default_factory=list[_Call])
    _announced: int = 0
    _model: str = ""
    _finish: str | None = None
    _usage: Usage = field(default_factory=Usage)

    @property
    def is_over(self) -> bool:
        """Whether the provider has said why the answer ends."""
        return self._finish is not None

    def take(self, chunk: ChatCompletionChunk) -> list[ModelEvent]:
        """Add one chunk; gives what the caller should see of it."""
        self._model = chunk.model or self._model
        if chunk.usage is not None:
            self._usage = _counted(chunk.usage)
        events: list[ModelEvent] = []
        for choice in chunk.choices:
            self._finish = choice.finish_reason or self._finish
            events += self._grown(choice.delta)
            if choice.finish_reason is not None:
                events += self._thought(self._reasoning_characters.rest())
                events += self._said(self._text_characters.rest())
        return events

    def _said(self, text: str) -> list[ModelEvent]:
        self._text += text
        return [TextDelta(text)] if text else []

    def _thought(self, text: str) -> list[ModelEvent]:
        self._reasoning += text
        return [ThinkingDelta(text)] if text else []

    def _grown(self, delta: Any) -> list[ModelEvent]:  # `ChoiceDelta` and fields it does not know
        events: list[ModelEvent] = []
        extra = cast("dict[str, Any]", delta.model_extra or {})
        reasoning = next((extra[name] for name in _REASONING_FIELDS if extra.get(name)), None)
        if isinstance(reasoning, str):
            events += self._thought(self._reasoning_characters.feed(reasoning))
        events += self._said(self._text_characters.feed(delta.content or delta.refusal or ""))
        for piece in delta.tool_calls or ():
            self._grow_call(piece)
        events += self._newly_named()
        return events

    def _grow_call(self, piece: Any) -> None:  # `ChoiceDeltaToolCall`
        call = next((known for known in reversed(self._calls) if known.index == piece.index), None)
        # Some servers give every call the index 0: a new id with a new name is a new call.
        is_new = call is None or (
            piece.id and piece.id != call.call_id and piece.function and piece.function.name
        )
        if call is None or is_new:
            call = _Call(piece.index, piece.id or new_id("call"))
            self._calls.append(call)
        if piece.function is not None:
            call.name = call.name or piece.function.name or ""
            call.text += piece.function.arguments or ""

    def _newly_named(self) -> list[ModelEvent]:
        events: list[ModelEvent] = []
        while self._announced < len(self._calls) and self._calls[self._announced].name:
            call = self._calls[self._announced]
            events.append(ToolCallStarted(ToolCallId(call.call_id), call.name))
            self._announced += 1
        return events

    def finished(self, *, provider: str, asked: str) -> Turn:
        """The turn, without calls that are not whole; `asked` is the model that was asked."""
        stop = _STOPS.get(self._finish or "")
        if stop is None:
            log.warning("unknown_finish_reason", extra={"finish_reason": self._finish})
            stop = StopReason.MAX_TOKENS  # as careful as with an answer that was cut
        parts: list[TextPart | ThinkingPart | ToolCall] = []
        if self._reasoning:
            parts.append(ThinkingPart(self._reasoning, signature=""))
        if self._text:
            parts.append(TextPart(self._text))
        dropped: list[str] = []
        for call in self._calls:
            arguments = whole_object(call.text)
            is_cut = stop not in _WHOLE and call is self._calls[-1] and not call.text.strip()
            if arguments is None or is_cut or not call.name:
                dropped.append(call.name)
            else:
                parts.append(ToolCall(ToolCallId(call.call_id), call.name, arguments))
        if stop is StopReason.END and self._calls:
            stop = StopReason.TOOL_CALLS  # Ollama and others say "stop" after tool calls
        return Turn(
            message=AssistantMessage(tuple(parts)),
            stop_reason=stop,
            usage=self._usage,
            model=f"{provider}/{self._model}" if self._model else asked,
            dropped_calls=tuple(dropped),
        )


def _counted(usage: Any) -> Usage:  # `CompletionUsage`; compatible providers leave fields out
    details = usage.prompt_tokens_details
    read = (details.cached_tokens if details else None) or 0
    written = (details.cache_write_tokens if details else None) or 0
    return Usage(
        input_tokens=max(0, usage.prompt_tokens - read - written),
        output_tokens=usage.completion_tokens,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
