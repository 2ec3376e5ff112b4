"""Pages of rows, newest first, and how far one goes to fill a page.

Every query is bounded. What an index cannot decide (a status, a field of the event) is decided over
the newest `SCAN_ROWS` rows that are left: a page may then be short, or empty, with a `next_cursor`
that goes on where it stopped.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, cast

import sqlalchemy as sa

from core.errors import Refused
from engine.events import WireEvent
from engine.expressions import lookup_text, path_value
from engine.inspection.run_info import instant, ms_of
from engine.storage.eventlog import stored_event

T = TypeVar("T")

MAX_PAGE = 200
SCAN_ROWS = 5_000
SCAN_BYTES = 16 * 1024 * 1024  # of event bodies, when a field of theirs decides
CHUNK_ROWS = 500


class BadCursor(Refused):
    """The cursor of a page was not made by this engine."""

    code = "bad_cursor"

    def __init__(self) -> None:
        super().__init__("not a cursor of these pages; start without one")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows; `next_cursor` is None when there are no more."""

    items: tuple[T, ...]
    next_cursor: str | None


class Bounds(Protocol):
    """A span of time, its end not included; None is no bound."""

    @property
    def since(self) -> datetime | None:
        """From when on."""
        ...

    @property
    def until(self) -> datetime | None:
        """Until when."""
        ...


Position = tuple[int, str]
"""Where a page ended: the time of its last row, and its id."""


def size(limit: int) -> int:
    """The size of a page that is asked for with `limit`."""
    return max(1, min(limit, MAX_PAGE))


def position(cursor: str | None) -> Position | None:
    """Where a page starts. Raises: BadCursor."""
    if cursor is None:
        return None
    at, _, row_id = cursor.partition(":")
    if not (at.isascii() and at.isdigit() and len(at) <= 15 and row_id):  # noqa: PLR2004 - ms
        raise BadCursor
    return int(at), row_id


def _cursor(position: Position) -> str:
    return f"{position[0]}:{position[1]}"


def slice_of(  # noqa: PLR0913, PLR0917 - the parts of one query
    query: sa.Select[Any],
    at: sa.ColumnElement[int],
    row_id: sa.ColumnElement[str],
    which: Bounds,
    after: Position | None,
    limit: int,
) -> sa.Select[Any]:
    """The newest rows before a position, in the order of an index on (at, row_id)."""
    if which.since is not None:
        query = query.where(at >= ms_of(which.since))
    if which.until is not None:
        query = query.where(at < ms_of(which.until))
    if after is not None:
        # The first condition is what an index can start at, the second what is exact.
        query = query.where(at <= after[0], sa.or_(at < after[0], row_id < after[1]))
    return query.order_by(at.desc(), row_id.desc()).limit(limit)


def scan(  # noqa: PLR0913 - what to fetch, what to keep, from where
    fetch: Callable[[Position | None, int], list[Any]],
    fits: Callable[[Any], bool],
    row_id: str,
    *,
    after: Position | None,
    limit: int,
    is_exact: bool,
) -> tuple[list[Any], str | None]:
    """Fill a page from chunks of candidates; the rows and where the next page starts."""
    kept: list[Any] = []
    seen_rows = seen_bytes = 0
    chunk = limit + 1 if is_exact else CHUNK_ROWS
    while seen_rows < SCAN_ROWS and seen_bytes < SCAN_BYTES:
        rows = fetch(after, chunk)
        for row in rows:
            if len(kept) == limit:
                return kept, None if after is None else _cursor(after)
            after = (row.at, getattr(row, row_id))
            seen_bytes += len(row.body or "")
            if fits(row):
                kept.append(row)
        seen_rows += len(rows)
        if len(rows) < chunk:
            return kept, None
    return kept, None if after is None else _cursor(after)


def has_field(field: tuple[str, Any] | None) -> Callable[[Any], bool]:
    """Whether the event of a row holds a value at a path; any row fits None."""
    if field is None:
        return lambda row: True  # noqa: ARG005 - the shape of the other one
    path, value = field
    wanted = lookup_text(value)

    def holds(row: Any) -> bool:
        return row.body is not None and path_value(event_of(row).as_json(), path) == wanted

    return holds


def any_of(wanted: str | Collection[str] | None) -> frozenset[str] | None:
    """What of a filter may be one or several; None is no filter."""
    if wanted is None:
        return None
    return frozenset([wanted]) if isinstance(wanted, str) else frozenset(wanted)


def has_text(text: str | None, *ids: str) -> Callable[[Any], bool]:
    """Whether a text stands in one of these columns of a row, or in a value of its event's data.

    Case does not matter. Any row fits None.
    """
    if text is None:
        return lambda row: True  # noqa: ARG005 - the shape of the other one
    wanted = text.casefold()

    def holds(row: Any) -> bool:
        if any(wanted in (getattr(row, name) or "").casefold() for name in ids):
            return True
        return row.body is not None and _stands_in(wanted, event_of(row).data)

    return holds


def _stands_in(wanted: str, data: Any) -> bool:
    match data:
        case str():
            return wanted in data.casefold()
        case Mapping():
            values = cast("Mapping[str, Any]", data).values()
            return any(_stands_in(wanted, each) for each in values)
        case list():
            return any(_stands_in(wanted, each) for each in cast("list[Any]", data))
        case None | bool():
            return False
        case _:
            return wanted in str(data)


def event_of(row: Any) -> WireEvent:
    """The event of a row with `event_id`, `event_name`, `body`, `ts` and `v`."""
    return stored_event(row.event_id, row.event_name, row)


def at(ms: int) -> datetime:
    """A stored time that is never null."""
    at = instant(ms)
    assert at is not None  # noqa: S101 - the column is never null
    return at
