"""The chunks of OpenAI's Chat Completions API, however odd, as deltas and one turn."""

import logging
from dataclasses import dataclass
from datetime import datetime

from core.ids import ToolCallId, new_id
from llm.arguments import text_of_arguments, whole_object
from llm.exchange import DONE, Said
from llm.judging import Fault, fault_in
from llm.model import (
    AssistantMessage,
    ModelEvent,
    StopReason,
    TextDelta,
    TextPart,
    ThinkingDelta,
    ThinkingPart,
    ToolCall,
    ToolCallStarted,
    ToolInputDelta,
    Turn,
    Usage,
)
from llm.odd import Json, count_in, object_in, objects_in, text_in, word_in
from llm.reading import DRAIN_S
from llm.text import WholeCharacters
from llm.thoughts import ThinkTags

log = logging.getLogger(__name__)

USAGE_S = 5.0  # after the finish reason: the usage comes in a chunk of its own

_STOPS = {
    "stop": StopReason.END,
    "tool_calls": StopReason.TOOL_CALLS,
    "function_call": StopReason.TOOL_CALLS,
    "tool_use": StopReason.TOOL_CALLS,  # the words of other protocols, from gateways
    "end_turn": StopReason.END,
    "eos": StopReason.END,
    "length": StopReason.MAX_TOKENS,
    "max_tokens": StopReason.MAX_TOKENS,
    "content_filter": StopReason.REFUSAL,
}
_WHOLE = (StopReason.END, StopReason.TOOL_CALLS)
_REASONING_FIELDS = ("reasoning_content", "reasoning")  # DeepSeek, others; OpenRouter, Cerebras
_UNNAMED = "unknown"


@dataclass
class _Call:
    """A tool call that is being written."""

    index: int | None
    call_id: str
    name: str = ""
    text: str = ""
    shown_chars: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether all of its arguments are there."""
        return bool(self.text.strip()) and whole_object(self.text) is not None


class OpenAIReading:
    """See `Reading`. Arguments are parsed only when all of them are there.

    `provider` names who answers, `asked` the model that was asked, `now` says when.
    """

    def __init__(self, *, provider: str, asked: str, now: datetime) -> None:
        self._provider = provider
        self._asked = asked
        self._now = now
        self._text = ""
        self._reasoning = ""
        self._text_characters = WholeCharacters()
        self._reasoning_characters = WholeCharacters()
        self._tags = ThinkTags()
        self._calls: list[_Call] = []
        self._announced = 0
        self._model = ""
        self._finish = ""
        self._is_done = False
        self._usage: Usage | None = None

    @property
    def is_over(self) -> bool:
        """Whether the provider has said why the answer ends, or that it does."""
        has_content = bool(self._text or self._reasoning or self._calls)
        return bool(self._finish) or (self._is_done and has_content)

    @property
    def rest_s(self) -> float:
        """How long the usage is waited for."""
        return DRAIN_S if self._is_done else USAGE_S

    def take(self, name: str, said: Json) -> list[ModelEvent]:
        """Add one chunk; gives what the caller should see of it. Raises: Said."""
        if name == DONE:
            self._is_done = True
            return []
        if not self.is_over:
            self._check(name, said)
        self._model = word_in(said.get("model")) or self._model
        choices = objects_in(said.get("choices"))
        for usage in (said.get("usage"), object_in(said.get("x_groq")).get("usage")):
            self._count(usage)
        events: list[ModelEvent] = []
        for choice in choices:
            self._count(choice.get("usage"))  # Moonshot
            self._finish = word_in(choice.get("finish_reason")) or self._finish
            # `message` where the provider does not stream.
            events += self._grown(object_in(choice.get("delta") or choice.get("message")))
        return events

    def _check(self, name: str, said: Json) -> None:
        """Raises: Said, where the chunk is an error in one of the shapes that providers use."""
        is_error = name == "error" or "error" in (said.get("object"), said.get("type"))
        finishes = {
            word_in(choice.get("finish_reason")) for choice in objects_in(said.get("choices"))
        }
        if said.get("error") or is_error:
            raise Said(fault_in(said, now=self._now))
        if "error" in finishes:  # OpenRouter, where it gives no reason
            raise Said(Fault(text="the provider stopped with an error"))

    def rest(self) -> list[ModelEvent]:
        """Halves of characters, and the beginnings of tags that were none."""
        is_whole = self._stop_reason() in _WHOLE and not (self._calls or self._text.strip())
        events = self._thought(self._reasoning_characters.rest())
        events += self._said(self._text_characters.rest())
        unclosed = self._tags.unclosed
        for piece in self._tags.rest(is_whole=is_whole):
            if piece.kind == "thinking":
                events += self._thought(piece.text)
            else:
                self._reasoning = self._reasoning.removesuffix(unclosed)
                self._text += piece.text
                events.append(TextDelta(piece.text))
        return events

    def _said(self, text: str) -> list[ModelEvent]:
        events: list[ModelEvent] = []
        for piece in self._tags.feed(text):
            if piece.kind == "thinking":
                events += self._thought(piece.text)
            else:
                self._text += piece.text
                events.append(TextDelta(piece.text))
        return events

    def _thought(self, text: str) -> list[ModelEvent]:
        self._reasoning += text
        return [ThinkingDelta(text)] if text else []

    def _grown(self, delta: Json) -> list[ModelEvent]:
        content = delta.get("content")
        reasoning = next((t for f in _REASONING_FIELDS if (t := text_in(delta.get(f)))), "")
        for part in objects_in(content):  # Mistral
            reasoning += text_in(part.get("thinking"))
        events = self._thought(self._reasoning_characters.feed(reasoning))
        text = text_in(content) or text_in(delta.get("refusal"))
        events += self._said(self._text_characters.feed(text))
        for piece in objects_in(delta.get("tool_calls")):
            self._grow_call(piece, object_in(piece.get("function")))
        if legacy := object_in(delta.get("function_call")):
            self._grow_call({"index": 0}, legacy)
        return events + self._newly_named() + self._newly_written()

    def _grow_call(self, piece: Json, function: Json) -> None:
        name = word_in(function.get("name"))
        call = self._call_of(count_in(piece.get("index")), word_in(piece.get("id")), name)
        call.name = call.name or name
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            call.text += arguments
        elif arguments is not None:
            call.text = text_of_arguments(arguments)
            call.shown_chars = len(call.text)  # it is not written piece by piece

    def _call_of(self, index: int | None, call_id: str, name: str) -> _Call:
        """The call that a piece belongs to.

        Some servers give every call the index 0, or none: then a new id with a new name is a new
        call, and without ids so is a name once the call before it is complete or has another.
        """
        same = [call for call in self._calls if index is None or call.index == index]
        if call_id and (index is None or not (same or name)):
            same = [call for call in self._calls if call.call_id == call_id]
        known = same[-1] if same else None
        if known is not None and name:
            if call_id:
                known = known if call_id == known.call_id else None
            elif known.name and (known.is_complete or name != known.name):
                known = None
        if known is None:
            known = _Call(index, call_id or new_id("call"))
            self._calls.append(known)
        return known

    def _newly_named(self) -> list[ModelEvent]:
        events: list[ModelEvent] = []
        while self._announced < len(self._calls) and self._calls[self._announced].name:
            call = self._calls[self._announced]
            events.append(ToolCallStarted(ToolCallId(call.call_id), call.name))
            self._announced += 1
        return events

    def _newly_written(self) -> list[ModelEvent]:
        events: list[ModelEvent] = []
        for call in self._calls[: self._announced]:
            if piece := call.text[call.shown_chars :]:
                events.append(ToolInputDelta(ToolCallId(call.call_id), piece))
                call.shown_chars = len(call.text)
        return events

    def _count(self, usage: object) -> None:
        """Bookkeeping: what can be read of it. The last one counts."""
        said = object_in(usage)
        if not said:
            return
        details = object_in(said.get("prompt_tokens_details"))
        whole = count_in(said.get("prompt_tokens")) or 0
        read = count_in(details.get("cached_tokens"))
        if read is None:
            read = count_in(said.get("prompt_cache_hit_tokens")) or 0  # DeepSeek
        written = count_in(details.get("cache_write_tokens")) or 0
        self._usage = Usage(
            input_tokens=max(0, whole - read - written),
            output_tokens=count_in(said.get("completion_tokens")) or 0,
            cache_read_tokens=read,
            cache_write_tokens=written,
        )

    @property
    def usage(self) -> Usage:
        """What the provider has said so far that the answer takes."""
        return self._usage or Usage()

    def _stop_reason(self) -> StopReason:
        stop = _STOPS.get(self._finish.lower()) if self._finish else StopReason.END
        if stop is None:
            # What is not known is treated as carefully as an answer that was cut.
            log.warning("unknown_finish_reason", extra={"finish_reason": self._finish})
            return StopReason.MAX_TOKENS
        if stop is StopReason.END and self._calls:
            return StopReason.TOOL_CALLS  # Ollama and others say "stop" after tool calls
        return stop

    def finished(self) -> Turn:
        """The turn, without calls that are not whole."""
        stop = self._stop_reason()
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
                dropped.append(call.name or _UNNAMED)
            else:
                parts.append(ToolCall(ToolCallId(call.call_id), call.name, arguments))
        return Turn(
            message=AssistantMessage(tuple(parts)),
            stop_reason=stop,
            usage=self.usage,
            model=f"{self._provider}/{self._model}" if self._model else self._asked,
            dropped_calls=tuple(dropped),
        )
