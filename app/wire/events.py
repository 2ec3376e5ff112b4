"""Events of the engine as JSON."""

import json
from typing import Annotated, Any, Self

from pydantic import Field

from app.wire.shapes import Answer, Millis, Success
from engine import RunStatus, SentEvent
from engine.events import WireEvent
from engine.inspection import EventEffects, EventInfo, Page
from engine.steps.shown import shown

WHOLE_DATA_CHARS = 32 * 1024  # more than that is not read by a person, nor edited


def field_of(text: str) -> tuple[str, Any]:
    """`data.n=1` as a path into an event and the value there."""
    path, _, value = text.partition("=")
    try:
        return path, json.loads(value)
    except ValueError:
        return path, value


class RunOfEventAnswer(Answer):
    """A run that an event has to do with, as it stands."""

    run_id: str
    job_id: str
    status: RunStatus


class EndedWaitAnswer(RunOfEventAnswer):
    """A run that waited for the event, and the step that did."""

    step_id: str


class EventAnswer(Answer):
    """An event and the runs it started, without its data."""

    event_id: str
    name: str
    received_at: Millis
    ts: Annotated[int, Field(description="Its own time; later than `receivedAt`: delayed.")]
    user_id: str | None = Field(None, description="Whose it is; for the operator.")
    run_ids: tuple[str, ...]
    runs: tuple[RunOfEventAnswer, ...] = Field(description="The same, as they stand.")

    @classmethod
    def of(cls, info: EventInfo, *, for_operator: bool) -> Self:
        """An event of the engine."""
        return cls(
            event_id=info.event.id,
            name=info.event.name,
            received_at=info.received_at,
            ts=info.event.ts_ms,
            user_id=info.user_id if for_operator else None,
            run_ids=info.run_ids,
            runs=tuple(map(RunOfEventAnswer.model_validate, info.runs)),
        )


class EventData(Answer):
    """What an event says; where `isCut`, its data is cut to be looked at."""

    name: str
    ts: int = Field(description="Its own time, in milliseconds since 1970.")
    data: dict[str, Any]
    is_cut: bool

    @classmethod
    def of(cls, event: WireEvent) -> Self:
        """An event of the engine."""
        is_cut = len(json.dumps(event.data)) > WHOLE_DATA_CHARS
        data = shown(event.data) if is_cut else event.data
        return cls(name=event.name, ts=event.ts_ms, data=data, is_cut=is_cut)


class EventDetailAnswer(EventAnswer):
    """One event with its data, which is cut where `isCut`, and what it did to runs that it found.

    That is told while those runs are kept, and of events that came since this version.
    """

    data: dict[str, Any]
    is_cut: bool
    ended_waits: tuple[EndedWaitAnswer, ...]
    cancelled: tuple[RunOfEventAnswer, ...]

    @classmethod
    def of_detail(cls, info: EventInfo, effects: EventEffects, *, for_operator: bool) -> Self:
        """An event of the engine."""
        said = EventData.of(info.event)
        row = EventAnswer.of(info, for_operator=for_operator)
        return cls(
            **row.model_dump(exclude={"received_at"}),
            received_at=info.received_at,
            data=said.data,
            is_cut=said.is_cut,
            ended_waits=tuple(
                EndedWaitAnswer(
                    run_id=run.run_id, job_id=run.job_id, status=run.status, step_id=step_id
                )
                for run, step_id in effects.ended_waits
            ),
            cancelled=tuple(map(RunOfEventAnswer.model_validate, effects.cancelled)),
        )


class EventPage(Answer):
    """Events, last received first."""

    events: tuple[EventAnswer, ...]
    next_cursor: str | None = None

    @classmethod
    def of(cls, page: Page[EventInfo], *, for_operator: bool) -> Self:
        """A page of the engine."""
        events = tuple(EventAnswer.of(info, for_operator=for_operator) for info in page.items)
        return cls(events=events, next_cursor=page.next_cursor)


class EventSent(Success):
    """The event is stored; the runs that it started."""

    event_id: str
    run_ids: tuple[str, ...]
    duplicate: bool

    @classmethod
    def of(cls, sent: SentEvent) -> Self:
        """What the engine accepted."""
        return cls(event_id=sent.event_id, run_ids=sent.run_ids, duplicate=sent.duplicate)
