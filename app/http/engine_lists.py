"""What lists of runs and events take: a time range, what stands in the event, a number."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import StringConstraints

from app.wire.events import field_of
from engine import RunStatus
from engine.inspection import RunFilter

MAX_MS = 253_402_300_799_000  # the year 9999

PageSize = Annotated[int, Query(ge=1, le=200)]
Name = Annotated[str | None, Query(max_length=200)]
Moment = Annotated[int | None, Query(ge=0, le=MAX_MS, description="Milliseconds since 1970")]
Text = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=200,
        description="Stands in an id, a name, or a value of the event's data; case does not "
        "matter. The id of a run or an event finds just that, however old.",
    ),
]
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
    """A time range, a field of the event, and a text."""

    def __init__(
        self,
        since: Moment = None,
        until: Moment = None,
        field: Field = None,
        q: Text = None,
    ) -> None:
        self.since = _moment(since)
        self.until = _moment(until)
        self.field = None if field is None else field_of(field)
        self.text = q


WindowDep = Annotated[Window, Depends()]


class WhichRuns:
    """The runs that a request is about: any of several jobs and statuses, and a window."""

    def __init__(
        self,
        window: WindowDep,
        job: Annotated[
            list[Annotated[str, StringConstraints(max_length=200)]] | None,
            Query(max_length=20, description="Once or several times."),
        ] = None,
        status: Annotated[
            list[RunStatus] | None, Query(max_length=20, description="Once or several times.")
        ] = None,
    ) -> None:
        self.filter = RunFilter(
            job_id=job or None,
            status=status or None,
            since=window.since,
            until=window.until,
            field=window.field,
            text=window.text,
        )


WhichRunsDep = Annotated[WhichRuns, Depends()]


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
