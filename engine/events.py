"""Events: typed data, what a caller sends, what a job receives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from core.ids import EventId, OrderedIds, RunId

D_co = TypeVar("D_co", covariant=True)

FAILED = "engine/function.failed"
CANCELLED = "engine/function.cancelled"
FINISHED = "engine/function.finished"
INVOKED = "engine/function.invoked"
ENDS = frozenset({FAILED, CANCELLED, FINISHED})
"""The events that say how a run has ended."""


class EventData(BaseModel):
    """The data of one kind of event: `class MessageSent(EventData, event="message/sent")`.

    Fields travel in camelCase, unknown fields are refused, instances do not change.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True
    )
    event_name: ClassVar[str] = ""

    def __init_subclass__(cls, *, event: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        if event:
            cls.event_name = event


@dataclass(frozen=True)
class Event:
    """An event to send, for callers without a model for its data.

    `data` is an object of JSON, a model or a dataclass. An `id` already seen in the last 24 hours
    starts nothing. A `ts` in the future delays what the event starts until then; it is an aware
    datetime, milliseconds since 1970, or ISO text with a time zone. `user` is who caused it; `v`
    the version of the data's shape.
    `headers` travel beside the data, for middleware: a trace, a tenant.
    """

    name: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    id: str | None = None
    ts: datetime | float | str | None = None
    v: str | None = None
    user: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class ReceivedEvent(Generic[D_co]):
    """An event as a job sees it; `data` is the model the job asked for, else a plain dict."""

    name: str
    data: D_co
    id: EventId
    ts: datetime
    v: str | None
    user: Mapping[str, Any] | None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class SentEvent:
    """What `send` accepted. A duplicate gets the run ids of the first send."""

    event_id: EventId
    run_ids: tuple[RunId, ...]
    duplicate: bool = False


@dataclass(frozen=True)
class WireEvent:
    """An event as stored: JSON values only. `ts_ms` is its own time, in ms since the epoch."""

    name: str
    data: dict[str, Any]
    id: str
    ts_ms: int
    v: str | None = None
    user: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def as_json(self) -> dict[str, Any]:
        """The shape expressions see as `event`, and runs keep as their input.

        Put together once: whoever asks gets the same object, which stays as it is.
        """
        return self._json

    @cached_property
    def _json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "data": self.data,
            "id": self.id,
            "ts": self.ts_ms,
            "v": self.v,
            "user": self.user,
            **({"headers": self.headers} if self.headers else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "WireEvent":
        """The inverse of `as_json`."""
        return cls(
            name=value["name"],
            data=value["data"],
            id=value["id"],
            ts_ms=value["ts"],
            v=value.get("v"),
            user=value.get("user"),
            headers=value.get("headers", {}),
        )


_ids = OrderedIds()


def new_event_id() -> EventId:
    """A fresh event id; they sort as they are made, so that a batch starts in its order."""
    return EventId(_ids.new("evt"))


def received_event(event: WireEvent, model: type[EventData] | None) -> ReceivedEvent[Any]:
    """A stored event with its data in a model.

    Raises:
        ValueError: the data does not fit the model.
    """
    return ReceivedEvent(
        name=event.name,
        data=event.data if model is None else model.model_validate(event.data),
        id=EventId(event.id),
        ts=datetime.fromtimestamp(event.ts_ms / 1000, UTC),
        v=event.v,
        user=event.user,
        headers=event.headers,
    )
