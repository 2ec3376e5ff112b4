"""What came together is handed on together: the busier a process, the larger its bites.

A token costs its way through all that reads an answer. While many answers stream, several tokens
of one wait in its connection by the time it is read again; one by one they would cost as much as
if each had come alone, and the process would fall behind for good.
"""

from collections.abc import Iterable, Iterator

from llm.model import ModelEvent, TextDelta, ThinkingDelta, ToolInputDelta


def merged(events: Iterable[ModelEvent]) -> Iterator[ModelEvent]:
    """The events, with deltas of one text that follow each other as one.

    What `events` raises is raised after all that came before it.
    """
    last: ModelEvent | None = None
    fault: Exception | None = None
    try:
        for event in events:
            joined = None if last is None else _joined(last, event)
            if joined is None and last is not None:
                yield last
            last = joined or event
    except Exception as error:  # noqa: BLE001 - it is the caller's, once it has the rest
        fault = error
    if last is not None:
        yield last
    if fault is not None:
        raise fault


def _joined(last: ModelEvent, event: ModelEvent) -> ModelEvent | None:
    match last, event:
        case TextDelta(), TextDelta():
            return TextDelta(last.text + event.text)
        case ThinkingDelta(), ThinkingDelta():
            return ThinkingDelta(last.text + event.text)
        case ToolInputDelta(), ToolInputDelta() if last.call_id == event.call_id:
            return ToolInputDelta(last.call_id, last.text + event.text)
        case _:
            return None
