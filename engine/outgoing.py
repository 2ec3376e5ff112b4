"""What callers send: judged, and brought into the form in which events are stored."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pydantic import BaseModel, SecretBytes, SecretStr, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError
from pydantic_core import PydanticSerializationError

from core.ids import EventId
from core.invalid import problem_text
from core.text import has_surrogates
from engine.errors import BadEvent
from engine.events import Event, EventData, WireEvent
from engine.judging import MAX_ID, check_name, stored_name

Sendable = EventData | Event | Mapping[str, Any]
"""What `send` takes: a model, an `Event`, or Inngest's object {name, data, id, ts, v, user}."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DERIVED_ID = 500

_FIELDS = [field.name for field in fields(Event)]


def event_of(thing: object) -> Event:
    """An event, its data an object of plain values, its time aware.

    Raises:
        BadEvent: it is no event, or its data is no object.
    """
    match thing:
        case Event():
            return _plain(thing)
        case EventData():
            if not thing.event_name:
                what = "the class names no event: EventData, event=…"
                raise BadEvent(type(thing).__name__, what)
            return Event(thing.event_name, data_of(thing.event_name, thing))
        case Mapping():
            given = cast("Mapping[str, Any]", thing)
            name = given.get("name")
            unknown = [key for key in given if key not in _FIELDS]
            if unknown or not isinstance(name, str):
                what = f"it has {unknown}; " * bool(unknown)
                raise BadEvent(str(name), f"{what}an event has {', '.join(_FIELDS)}: name and data")
            return _plain(
                Event(**{key: value for key, value in given.items() if value is not None})
            )
        case _:
            kind = thing.__name__ if isinstance(thing, type) else type(thing).__name__
            raise BadEvent(
                kind, "it is no event; send a model, an Event, or {name, data}, one by one"
            )


def _plain(event: Event) -> Event:
    check_text(str(event.name), "its name", event.name)
    if event.id is not None:
        check_text(event.name, "its id", event.id, MAX_ID)
    return replace(event, data=data_of(event.name, event.data), ts=_instant(event.name, event.ts))


def check_text(event_name: str, what: str, name: object, *most: int) -> None:
    """Whether a name or an id can be stored.

    Raises:
        BadEvent: it cannot.
    """
    try:
        check_name(what, name, *most)
    except ValueError as error:
        raise BadEvent(event_name, str(error)) from error


def data_of(name: str, data: object) -> dict[str, Any]:
    """The data of an event, as its model stores it where it is one.

    Raises:
        BadEvent: it is no object, or holds what has no JSON.
    """
    try:
        match data:
            case None:
                return {}
            case BaseModel():
                data = data.model_dump(mode="json", by_alias=True)
            case _ if is_dataclass(data) and not isinstance(data, type):
                adapter: TypeAdapter[Any] = TypeAdapter(type(data))
                data = adapter.dump_python(data, mode="json", by_alias=True)
            case _:
                pass
    except (PydanticSerializationError, PydanticSchemaGenerationError, ValueError) as error:
        raise BadEvent(name, f"its data is not JSON: {error}") from error
    if not isinstance(data, Mapping):
        raise BadEvent(name, f"its data is an object or a model, not a {type(data).__name__}")
    return dict(cast("Mapping[str, Any]", data))


def _instant(name: str, ts: object) -> datetime | None:
    """A time as an aware datetime: milliseconds since the epoch, and ISO texts are times, too."""
    try:
        match ts:
            case None:
                return None
            case datetime():
                found = ts
            case str():
                found = datetime.fromisoformat(ts.strip())
            case int() | float() if not isinstance(ts, bool):
                found = EPOCH + timedelta(milliseconds=ts)
            case _:
                raise ValueError(type(ts).__name__)  # noqa: TRY301 - like the others
        if found.tzinfo is None:
            raise BadEvent(name, "its ts has no time zone; write …Z, or an aware datetime")
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        what = f"its ts is no time, {ts!r}; it is milliseconds, ISO text, or an aware datetime"
        raise BadEvent(name, what) from error


def named_events(prefix: str, given: Sequence[Sendable]) -> list[Event]:
    """Events that bring no id of their own get one from their place: the same each time."""
    events = map(event_of, given)
    return [
        replace(e, id=e.id or _derived(f"{prefix}:{number}")) for number, e in enumerate(events)
    ]


def _derived(event_id: str) -> str:
    """An id that does not grow for ever: the run of an event that a run sends is named after it."""
    if len(event_id) <= MAX_DERIVED_ID:
        return event_id
    return f"evt_{hashlib.sha256(event_id.encode()).hexdigest()[:32]}"


def wire_event(
    event: Event, models: Iterable[type[EventData]], *, now: datetime, event_id: str
) -> WireEvent:
    """An event as it is stored; `now` and `event_id` are for one that brings neither.

    Its data fits all of the models, and is stored as the only one of them would.

    Raises:
        BadEvent: it fits a model of these not, or is no JSON.
    """
    name = event.name
    check_text(str(name), "its name", name)
    data = data_of(name, event.data)
    found = [stored_data(model, name, data) for model in models]
    if len(found) == 1:  # two models may disagree about the form of a value
        data = found[0]
    if event.v is not None:
        check_text(name, "its v", event.v)
    user = None if event.user is None else as_json(name, "user", _object(name, "user", event.user))
    if user is not None and user.get("id") is not None:
        check_text(name, "the id of its user", str(user["id"]))
    return WireEvent(
        name=name,
        data=as_json(name, "data", data),
        id=EventId(event.id or event_id),
        ts_ms=((_instant(name, event.ts) or now) - EPOCH) // timedelta(milliseconds=1),
        v=event.v,
        user=user,
        headers=as_json(name, "headers", _object(name, "headers", event.headers)),
    )


def stored_data(model: type[EventData], name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Data under the names, and in the form, that an instance of the model would be stored in.

    What the model leaves out when it is stored (a secret, an excluded field) stays as it was sent.

    Raises:
        BadEvent: the data does not fit.
    """
    try:
        found = model.model_validate(dict(data))
        stored: dict[str, Any] = found.model_dump(mode="json", by_alias=True)
    except ValidationError as error:
        raise BadEvent(name, problem_text(error, whole="data")) from error
    except (PydanticSerializationError, ValueError) as error:
        raise BadEvent(name, f"its data is not JSON: {error}") from error
    for key, value in data.items():
        field = model.model_fields.get(key)
        target = key if field is None else stored_name(key, field)
        attribute = getattr(found, key, None) if field is not None else _by_alias(found, key)
        if target not in stored or isinstance(attribute, (SecretStr, SecretBytes)):
            stored[target] = value
    return stored


def _object(name: str, what: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise BadEvent(name, f"its {what} is an object, not {value!r}")
    return dict(cast("Mapping[str, Any]", value))


def _by_alias(found: BaseModel, alias: str) -> object:
    for name, field in type(found).model_fields.items():
        if stored_name(name, field) == alias:
            return getattr(found, name)
    return None


def as_json(name: str, what: str, value: Any) -> Any:
    """A value as JSON brings it back.

    Raises:
        BadEvent: it is no JSON.
    """
    if not value and isinstance(value, dict):
        return {}
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()  # half a surrogate pair is no text; a NUL is one, JSON escapes it
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        where = _not_json(what, value) or f"{what} cannot be written: {error}"
        raise BadEvent(name, f"{where}; JSON holds texts, numbers, lists and objects") from error


def _not_json(path: str, value: object, depth: int = 20) -> str | None:
    """The first thing in a value that is no JSON, and where it is."""
    inner: Iterable[tuple[str, object]] = ()
    match value:
        case None | bool() | int():
            return None
        case float():
            return None if value - value == 0 else f"{path} is {value}"
        case str():
            return f"{path} holds half a surrogate pair" if has_surrogates(value) else None
        case dict():
            inner = ((f"{path}.{key}", each) for key, each in cast("Any", value).items())
        case list() | tuple():
            inner = ((f"{path}[{number}]", each) for number, each in enumerate(cast("Any", value)))
        case _:
            return f"{path} is a {type(value).__name__}"
    if not depth:
        return None
    return next(filter(None, (_not_json(*each, depth - 1) for each in inner)), None)
