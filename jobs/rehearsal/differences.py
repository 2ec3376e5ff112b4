"""The first place where today's code does something else than the run that was recorded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from core.errors import Refused

SHOWN_CHARS = 60  # around what differs

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """A value in JSON: where it stands, what was recorded, and what there is today."""

    where: str
    then: str
    now: str


class NotRehearsable(Refused):
    """The run is of a kind that cannot be rehearsed; the text says why."""

    code = "not_rehearsable"


class Differs(Exception):
    """Today's code goes another way; the text says where first, and how."""


class RecordingOver(Exception):
    """The recording goes no further, and nothing was different until then."""


def need_same(what: str, then: Any, now: Any) -> None:
    """Raises: Differs: `now` is another JSON value than `then`."""
    found = first_difference(then, now)
    if found is not None:
        where = f", at {found.where}" if found.where else ""
        raise Differs(f"{what} differs{where}:\n  recorded: {found.then}\n  today:    {found.now}")


def first_difference(then: Any, now: Any, where: str = "") -> Place | None:
    """The first value that differs, in the order of `then`; the order of fields counts, too."""
    match then, now:
        case dict(), dict():
            return _in_fields(cast("Json", then), cast("Json", now), where)
        case list(), list():
            return _in_lists(cast("list[Any]", then), cast("list[Any]", now), where)
        case str(), str() if then != now:
            at = _shared(then, now)
            return Place(f"{where}, character {at}", _around(then, at), _around(now, at))
        case _:
            same = type(then) is type(now) and then == now
            return None if same else Place(where, _shown(then), _shown(now))


def _shared(then: str, now: str) -> int:
    """With how many characters both begin."""
    pairs = enumerate(zip(then, now, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(then), len(now)))


def _in_fields(then: Json, now: Json, where: str) -> Place | None:
    for name, value in then.items():
        below = f"{where}.{name}" if where else name
        if name not in now:
            return Place(below, _shown(value), "(nothing)")
        if (found := first_difference(value, now[name], below)) is not None:
            return found
    for name, value in now.items():
        if name not in then:
            return Place(f"{where}.{name}" if where else name, "(nothing)", _shown(value))
    if where and list(then) != list(now):
        return Place(f"{where}, order of fields", _shown(list(then)), _shown(list(now)))
    return None


def _in_lists(then: list[Any], now: list[Any], where: str) -> Place | None:
    for number, (one, other) in enumerate(zip(then, now, strict=False)):
        if (found := first_difference(one, other, f"{where}[{number}]")) is not None:
            return found
    if len(then) > len(now):
        return Place(f"{where}[{len(now)}]", _shown(then[len(now)]), "(nothing)")
    if len(now) > len(then):
        return Place(f"{where}[{len(then)}]", "(nothing)", _shown(now[len(then)]))
    return None


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 2 * SHOWN_CHARS else f"{text[: 2 * SHOWN_CHARS]}…"


def _around(text: str, at: int) -> str:
    start = max(0, at - SHOWN_CHARS)
    part = json.dumps(text[start : at + SHOWN_CHARS], ensure_ascii=False)
    before, after = "…" if start else "", "…" if len(text) > at + SHOWN_CHARS else ""
    return f"{before}{part}{after}"
