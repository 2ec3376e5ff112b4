"""What lists of runs and events take: a time range, a field of the event, a number."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query

from app.wire.events import field_of

MAX_MS = 253_402_300_799_000  # the year 9999

PageSize = Annotated[int, Query(ge=1, le=200)]
Name = Annotated[str | None, Query(max_length=200)]
Moment = Annotated[int | None, Query(ge=0, le=MAX_MS, description="Milliseconds since 1970")]
Field = Annotated[
    str | None,
    Query(
        max_length=500,
        pattern=r"^[^=]+=",
        description="PATH=VALUE in the event, such as `data.projectId=k57…`; a value that is JSON "
        "is taken as JSON.",
    ),
]


class Window:
    """A time range, and a field of the event."""

    def __init__(self, since: Moment = None, until: Moment = None, field: Field = None) -> None:
        self.since = _moment(since)
        self.until = _moment(until)
        self.field = None if field is None else field_of(field)


WindowDep = Annotated[Window, Depends()]


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
