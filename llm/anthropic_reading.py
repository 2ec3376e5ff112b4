"""The events of Anthropic's Messages API, however odd, as deltas and one turn."""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from core.ids import ToolCallId, new_id
from core.text import without_surrogates
from llm.arguments import text_of_arguments, whole_object
from llm.exchange import Said
from llm.judging import fault_in
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

log = logging.getLogger(__name__)

_STOPS = {
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.END,
    "pause_turn": StopReason.END,  # only server tools pause, and we declare none
    "tool_use": StopReason.TOOL_CALLS,
    "max_tokens": StopReason.MAX_TOKENS,
    "refusal": StopReason.REFUSAL,
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,
}
_KINDS = {
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "message",
    "error",
}
_BLOCKS = {"text", "thinking", "redacted_thinking", "tool_use"}
_WHOLE = (StopReason.END, StopReason.TOOL_CALLS)
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_UNNAMED = "unknown"


@dataclass
class _Block:
    """A content block that is being written."""

    kind: str
    text: str = ""
    given: str = ""  # arguments that came with the start of a call
    signature: str = ""
    call_id: str = ""
    name: str = ""
    characters: WholeCharacters = field(default_factory=WholeCharacters)


class AnthropicReading:
    """See `Reading`. Never parses a part of a tool call's arguments.

    `provider` names who answers, `asked` the model that was asked, `now` says when.
    """

    rest_s = DRAIN_S

    def __init__(self, *, provider: str, asked: str, now: datetime) -> None:
        self._provider = provider
        self._asked = asked
        self._now = now
        self._blocks: list[_Block] = []
        self._at: dict[int, _Block] = {}
        self._model = ""
        self._stop = ""
        self._is_stopped = False
        self._usage: dict[str, int] = {}

    @property
    def is_over(self) -> bool:
        """Whether the message ended, or the provider has said why it will."""
        return self._is_stopped or bool(self._stop)

    def take(self, name: str, said: Json) -> list[ModelEvent]:
        """Add one event; new kinds are passed over. Raises: Said."""
        match _kind(name, said):
            case "message_start":
                self._start(object_in(said.get("message")))
            case "content_block_start":
                return self._block_started(said)
            case "content_block_delta":
                return self._grown(said)
            case "message_delta":
                self._stop = word_in(object_in(said.get("delta")).get("stop_reason")) or self._stop
                self._count(said.get("usage"))
            case "message_stop":
                self._is_stopped = True
            case "message":  # a provider that does not stream
                return self._whole_message(said)
            case "error":
                raise Said(fault_in(said, now=self._now))
            case _:
                pass
        return []

    def rest(self) -> list[ModelEvent]:
        """A half of a character whose other half never came."""
        return [event for block in self._blocks for event in _grow(block, block.characters.rest())]

    def _start(self, message: Json) -> None:
        self._model = word_in(message.get("model")) or self._model
        self._count(message.get("usage"))

    def _whole_message(self, message: Json) -> list[ModelEvent]:
        self._start(message)
        self._stop = word_in(message.get("stop_reason"))
        self._is_stopped = True
        blocks = objects_in(message.get("content"))
        if isinstance(text := message.get("content"), str):
            blocks = [{"type": "text", "text": text}]
        return [
            event for block in blocks for event in self._block_started({"content_block": block})
        ]

    def _block_started(self, said: Json) -> list[ModelEvent]:
        """A block begins; some providers put all of it here, and send no deltas."""
        content = object_in(said.get("content_block"))
        block = _Block(_block_kind(content))
        self._keep(count_in(said.get("index")), block)
        events: list[ModelEvent] = []
        if block.kind == "tool_use":
            block.call_id = word_in(content.get("id")) or new_id("call")
            block.name = word_in(content.get("name"))
            block.given = text_of_arguments(content.get("input"))
            events.append(ToolCallStarted(ToolCallId(block.call_id), block.name or _UNNAMED))
        block.signature = text_in(content.get("signature")) or text_in(content.get("data"))
        is_known = block.kind in _BLOCKS
        text = text_in(content.get("text")) or text_in(content.get("thinking")) if is_known else ""
        return events + _grow(block, block.characters.feed(text))

    def _grown(self, said: Json) -> list[ModelEvent]:
        delta = object_in(said.get("delta"))
        block = self._block(count_in(said.get("index")), delta)
        block.signature += text_in(delta.get("signature"))
        if block.kind == "tool_use":
            return _grow_call(block, delta.get("partial_json"))
        text = text_in(delta.get("text")) or text_in(delta.get("thinking"))
        if text and block.kind not in _BLOCKS:
            block.kind = _delta_kind(delta)
        return _grow(block, block.characters.feed(text))

    def _block(self, index: int | None, delta: Json) -> _Block:
        """The block that a delta belongs to; a new one where its start was lost."""
        if index is None and self._blocks:
            return self._blocks[-1]
        known = self._at.get(index) if index is not None else None
        if known is not None:
            if not known.kind:
                known.kind = _delta_kind(delta)
            return known
        block = _Block(_delta_kind(delta))
        self._keep(index, block)
        return block

    def _keep(self, index: int | None, block: _Block) -> None:
        self._at[max(self._at, default=-1) + 1 if index is None else index] = block
        self._blocks.append(block)

    def _count(self, usage: object) -> None:
        """Bookkeeping: the second time the counts are cumulative."""
        for name in _COUNTS:
            count = count_in(object_in(usage).get(name))
            if count is not None:
                self._usage[name] = count

    def _stop_reason(self) -> StopReason:
        if not self._stop:  # the message ended, and the provider does not say why
            has_calls = any(block.kind == "tool_use" for block in self._blocks)
            return StopReason.TOOL_CALLS if has_calls else StopReason.END
        if self._stop not in _STOPS:
            log.warning("unknown_stop_reason", extra={"stop_reason": self._stop})
        # What is not known is treated as carefully as an answer that was cut.
        return _STOPS.get(self._stop, StopReason.MAX_TOKENS)

    @property
    def usage(self) -> Usage:
        """What the provider has said so far that the answer takes."""
        return Usage(
            input_tokens=self._usage.get("input_tokens", 0),
            output_tokens=self._usage.get("output_tokens", 0),
            cache_read_tokens=self._usage.get("cache_read_input_tokens", 0),
            cache_write_tokens=self._usage.get("cache_creation_input_tokens", 0),
        )

    def finished(self) -> Turn:
        """The turn, without calls that are not whole."""
        stop = self._stop_reason()
        parts: list[TextPart | ThinkingPart | ToolCall] = []
        dropped: list[str] = []
        for block in self._blocks:
            if block.kind == "tool_use":
                text = block.text if block.text.strip() else block.given
                arguments = whole_object(text)
                is_last = block is self._blocks[-1]
                is_cut = stop not in _WHOLE and is_last and not arguments
                if arguments is None or is_cut or not block.name:
                    dropped.append(block.name or _UNNAMED)
                else:
                    parts.append(ToolCall(ToolCallId(block.call_id), block.name, arguments))
            elif block.kind == "redacted_thinking":
                if block.signature:
                    parts.append(
                        ThinkingPart("", without_surrogates(block.signature), redacted=True)
                    )
            elif block.kind == "thinking":
                if block.text or block.signature:
                    parts.append(ThinkingPart(block.text, without_surrogates(block.signature)))
            elif block.text:
                parts.append(TextPart(block.text))
        return Turn(
            message=AssistantMessage(tuple(parts)),
            stop_reason=stop,
            usage=self.usage,
            model=f"{self._provider}/{self._model}" if self._model else self._asked,
            dropped_calls=tuple(dropped),
        )


def _grow_call(block: _Block, piece: object) -> list[ModelEvent]:
    if not isinstance(piece, str):
        block.text = block.text if piece is None else text_of_arguments(piece)
        return []
    block.text += piece
    is_started = piece and block.call_id
    return [ToolInputDelta(ToolCallId(block.call_id), piece)] if is_started else []


def _grow(block: _Block, text: str) -> list[ModelEvent]:
    if not text or block.kind == "tool_use":
        return []
    block.text += text
    return [ThinkingDelta(text) if block.kind == "thinking" else TextDelta(text)]


def _kind(name: str, said: Json) -> str:
    """The kind of an event: what it says, the name of its frame, or what only that kind has."""
    kind = said.get("type")
    if isinstance(kind, str) and kind in _KINDS:
        return kind
    if name in _KINDS:
        return name
    if isinstance(kind, str) and kind:
        return kind
    if "content_block" in said:
        return "content_block_start"
    if "delta" in said:
        return "content_block_delta" if "index" in said else "message_delta"
    return "error" if "error" in said else "message_start"


def _block_kind(content: Json) -> str:
    kind = content.get("type")
    if isinstance(kind, str) and kind:
        return kind
    if "name" in content:
        return "tool_use"
    return next((field for field in ("thinking", "text") if field in content), "")


def _delta_kind(delta: Json) -> str:
    if "partial_json" in delta:
        return "tool_use"
    return "thinking" if "thinking" in delta or "signature" in delta else "text"
