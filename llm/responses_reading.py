"""The events of OpenAI's Responses API, however odd, as deltas and one turn."""

import logging
from dataclasses import dataclass, field
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
from llm.responses_request import proof_of
from llm.text import WholeCharacters

log = logging.getLogger(__name__)

_ENDS = ("completed", "incomplete")
_CUTS = {
    "max_output_tokens": StopReason.MAX_TOKENS,
    "max_tokens": StopReason.MAX_TOKENS,
    "content_filter": StopReason.REFUSAL,
}
_KINDS = ("message", "function_call", "reasoning")
_DELTAS = {
    "response.output_text.delta": "message",
    "response.refusal.delta": "message",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.function_call_arguments.delta": "function_call",
}
_GAP = "\n\n"  # between the parts of a summary
_UNNAMED = "unknown"


@dataclass(eq=False)
class _Item:
    """A part of the answer that is being written."""

    kind: str
    call_id: str = ""
    item_id: str = ""
    name: str = ""
    text: str = ""
    encrypted: str = ""
    is_announced: bool = False
    characters: WholeCharacters = field(default_factory=WholeCharacters)


class ResponsesReading:
    """See `Reading`. Arguments are parsed only when all of them are there.

    `provider` names who answers, `asked` the model that was asked, `now` says when. What deltas
    have not said, the finished item or the whole response at the end does.
    """

    def __init__(self, *, provider: str, asked: str, now: datetime) -> None:
        self._provider = provider
        self._asked = asked
        self._now = now
        self._items: dict[int, _Item] = {}  # by place
        self._seen: list[_Item] = []  # in the order in which something of them was shown
        self._model = ""
        self._status = ""
        self._cut = ""
        self._refuses = False
        self._usage: Usage | None = None

    @property
    def is_over(self) -> bool:
        """Whether the provider has said that the answer ends."""
        return bool(self._status)

    @property
    def rest_s(self) -> float:
        """Nothing more comes."""
        return DRAIN_S

    @property
    def usage(self) -> Usage:
        """What the provider has said so far that the answer takes."""
        return self._usage or Usage()

    def take(self, name: str, said: Json) -> list[ModelEvent]:
        """Add one event; gives what the caller should see of it. Raises: Said."""
        if name == DONE or self.is_over:
            return []
        kind = word_in(said.get("type")) or name
        self._check(kind, said)
        if said.get("object") == "response":  # where the provider does not stream
            return self._response(said, word_in(said.get("status")))
        ended = kind.removeprefix("response.")
        if "response" in said or ended in _ENDS:
            response = object_in(said.get("response"))
            return self._response(response, word_in(response.get("status")) or ended)
        if kind.startswith("response.output_item."):
            return self._grown(said, object_in(said.get("item")))
        return self._delta(kind, said)

    def _check(self, kind: str, said: Json) -> None:
        """Raises: Said, where the event tells of a fault."""
        response = object_in(said.get("response")) or said
        if kind == "error":
            raise Said(fault_in(said.get("error") or said, now=self._now))
        error = response.get("error")
        if error:
            raise Said(fault_in(error, now=self._now))
        if response.get("status") in ("failed", "cancelled") or kind == "response.failed":
            raise Said(Fault(text="the provider stopped with an error"))

    def _response(self, response: Json, status: str) -> list[ModelEvent]:
        self._model = word_in(response.get("model")) or self._model
        self._count(object_in(response.get("usage")))
        if status not in _ENDS:
            return []
        events: list[ModelEvent] = []
        for place, item in enumerate(objects_in(response.get("output"))):
            events += self._grown({"output_index": place}, item)
        self._status = status
        self._cut = word_in(object_in(response.get("incomplete_details")).get("reason"))
        return events

    def _grown(self, said: Json, item: Json) -> list[ModelEvent]:
        """An item begins or is finished: what has not come in deltas comes now."""
        kind = word_in(item.get("type"))
        if kind not in _KINDS:
            return []
        known = self._item(said, kind, word_in(item.get("id")))
        known.encrypted = text_in(item.get("encrypted_content")) or known.encrypted
        if kind == "function_call":
            known.name = word_in(item.get("name")) or known.name
            known.call_id = known.call_id or word_in(item.get("call_id")) or new_id("call")
            announced = self._announced(known)
            return [*announced, *self._rest(known, text_of_arguments(item.get("arguments")))]
        content = objects_in(item.get("content"))
        self._refuses = self._refuses or any(part.get("type") == "refusal" for part in content)
        if kind == "reasoning" and known.encrypted:
            self._see(known)
        if kind == "message":
            return self._rest(known, "".join(map(_text_of, content)))
        summary = objects_in(item.get("summary")) or content
        return self._rest(known, _GAP.join(filter(None, map(_text_of, summary))))

    def _item(self, said: Json, kind: str, item_id: str = "") -> _Item:
        """The item of an event, by its id, else by its place, else the last one of its kind."""
        item_id = item_id or word_in(said.get("item_id"))
        place = count_in(said.get("output_index"))
        same = [item for item in self._items.values() if item.kind == kind]
        known = next((item for item in same if item_id and item.item_id == item_id), None)
        if known is None and place is not None:
            known = self._items.get(place)
        elif known is None and same and not (item_id and same[-1].item_id):
            known = same[-1]
        if known is None or known.kind != kind:
            known = _Item(kind)
            free = max(self._items, default=-1) + 1
            self._items[free if place is None or place in self._items else place] = known
        known.item_id = known.item_id or item_id
        return known

    def _delta(self, event: str, said: Json) -> list[ModelEvent]:
        if event in _DELTAS:
            self._refuses = self._refuses or event == "response.refusal.delta"
            return self._more(self._item(said, _DELTAS[event]), text_in(said.get("delta")))
        if event == "response.reasoning_summary_part.added":
            thought = self._item(said, "reasoning")
            return self._more(thought, _GAP if thought.text else "")
        if event == "response.function_call_arguments.done":
            call = self._item(said, "function_call")
            return self._rest(call, text_of_arguments(said.get("arguments")))
        return []

    def _rest(self, item: _Item, whole: str) -> list[ModelEvent]:
        """What of the whole text has not come yet."""
        if not item.text or whole.startswith(item.text):
            return self._more(item, whole[len(item.text) :])
        return []

    def _more(self, item: _Item, text: str) -> list[ModelEvent]:
        text = item.characters.feed(text)
        item.text += text
        return self._shown(item, text) if text else []

    def _see(self, item: _Item) -> None:
        if item not in self._seen:
            self._seen.append(item)

    def _shown(self, item: _Item, text: str) -> list[ModelEvent]:
        if item.kind != "function_call":
            self._see(item)
        match item.kind:
            case "message":
                return [TextDelta(text)]
            case "reasoning":
                return [ThinkingDelta(text)]
            case _ if item.is_announced:
                return [ToolInputDelta(ToolCallId(item.call_id), text)]
            case _:
                return []

    def _announced(self, call: _Item) -> list[ModelEvent]:
        if call.is_announced or not call.name:
            return []
        call.is_announced = True
        self._see(call)
        events: list[ModelEvent] = [ToolCallStarted(ToolCallId(call.call_id), call.name)]
        return [*events, *(self._shown(call, call.text) if call.text else [])]

    def _count(self, said: Json) -> None:
        """Bookkeeping: what can be read of it. The last one counts."""
        if not said:
            return
        details = object_in(said.get("input_tokens_details"))
        whole = count_in(said.get("input_tokens")) or 0
        read = count_in(details.get("cached_tokens")) or 0
        written = count_in(details.get("cache_write_tokens")) or 0
        self._usage = Usage(
            input_tokens=max(0, whole - read - written),
            output_tokens=count_in(said.get("output_tokens")) or 0,
            cache_read_tokens=read,
            cache_write_tokens=written,
        )

    def rest(self) -> list[ModelEvent]:
        """Halves of characters."""
        events: list[ModelEvent] = []
        for item in self._items.values():
            text = item.characters.rest()
            item.text += text
            events += self._shown(item, text) if text else []
        return events

    def _stop_reason(self) -> StopReason:
        if self._refuses:
            return StopReason.REFUSAL
        if self._status == "completed":
            has_calls = any(item.kind == "function_call" for item in self._items.values())
            return StopReason.TOOL_CALLS if has_calls else StopReason.END
        if self._cut not in _CUTS:
            # What is not known is treated as carefully as an answer that was cut.
            log.warning("unknown_finish_reason", extra={"finish_reason": self._cut})
        return _CUTS.get(self._cut, StopReason.MAX_TOKENS)

    def finished(self) -> Turn:
        """The turn, without calls that are not whole."""
        stop = self._stop_reason()
        unseen = [item for item in self._items.values() if item not in self._seen]
        items = [*self._seen, *unseen]
        parts: list[TextPart | ThinkingPart | ToolCall] = []
        dropped: list[str] = []
        for item in items:
            if item.kind == "message":
                parts += [TextPart(item.text)] if item.text else []
            elif item.kind == "reasoning":
                parts += _thought(item)
            else:
                is_last = item is items[-1] and self._status != "completed"
                arguments = whole_object(item.text)
                if arguments is None or not item.name or (is_last and not item.text.strip()):
                    dropped.append(item.name or _UNNAMED)
                else:
                    parts.append(ToolCall(ToolCallId(item.call_id), item.name, arguments))
        return Turn(
            message=AssistantMessage(tuple(parts)),
            stop_reason=stop,
            usage=self.usage,
            model=f"{self._provider}/{self._model}" if self._model else self._asked,
            dropped_calls=tuple(dropped),
        )


def _thought(item: _Item) -> list[TextPart | ThinkingPart | ToolCall]:
    """With its proof, where the provider has given one; that alone is a hidden thought."""
    if not (item.text or item.encrypted):
        return []
    proof = proof_of(item.item_id, item.encrypted) if item.encrypted else ""
    return [ThinkingPart(item.text, proof)]


def _text_of(part: Json) -> str:
    return text_in(part.get("text")) or text_in(part.get("refusal"))
