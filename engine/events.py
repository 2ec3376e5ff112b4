"""Events: typed data, what a caller sends, what a job receives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from core.ids import EventId, RunId, new_id
from engine.errors import BadEvent

D_co = TypeVar("D_co", covariant=True)

FAILED = "engine/function.failed"
CANCELLED = "engine/function.cancelled"
FINISHED = "engine/function.finished"
INVOKED = "engine/function.invoked"


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

    An `id` already seen in the last 24 hours starts nothing. A `ts` in the future delays what the
    event starts until then. `user` is who caused it; `v` the version of the data's shape.
    `headers` travel beside the data, for middleware: a trace, a tenant.
    """

    name: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    id: str | None = None
    ts: datetime | None = None
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
        """The shape expressions see as `event`, and runs keep as their input."""
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


def event_of(data: EventData | Event) -> Event:
    """An event with its data as JSON.

    Raises:
        BadEvent: the class of the data names no event.
    """
    if isinstance(data, Event):
        return data
    if not data.event_name:
        raise BadEvent(type(data).__name__, "the class names no event: EventData, event=…")
    return Event(data.event_name, data.model_dump(mode="json", by_alias=True))


def stored_data(model: type[EventData], name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Data as an object of its model would be stored: its names in JSON, its defaults filled in.

    As it is where the model would not give it back, as with a `SecretStr`.

    Raises:
        BadEvent: it does not fit the model.
    """
    try:
        found = model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "data"
        raise BadEvent(name, f"{field}: {first['msg']}") from error
    stored = found.model_dump(mode="json", by_alias=True)
    if stored == data:
        return stored
    try:
        same = model.model_validate(stored) == found
    except ValidationError:
        same = False
    return stored if same else dict(data)


def named_events(prefix: str, given: Sequence[EventData | Event]) -> list[Event]:
    """Events that bring no id of their own get one from their place: the same each time."""
    events = map(event_of, given)
    return [replace(e, id=e.id or f"{prefix}:{number}") for number, e in enumerate(events)]


def new_event_id() -> EventId:
    """A fresh random event id."""
    return EventId(new_id("evt"))


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
