"""Cancelling many runs: of one job, within a time, where an expression holds."""

from dataclasses import dataclass

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.expressions import Expression
from engine.intake.accepted import Accepted
from engine.intake.intake import Intake
from engine.storage import tables
from engine.storage.eventlog import no_failure_handlers, read_event

PAGE = 200  # a transaction of some tens of milliseconds

Cursor = tuple[int, str]
FIRST: Cursor = (-1, "")


@dataclass(frozen=True)
class Selection:
    """Runs of a job made in a span of time, its start included and its end not."""

    job_id: str
    after_ms: int
    before_ms: int
    when: Expression | None


def cancel_page(
    connection: sa.Connection, intake: Intake, which: Selection, cursor: Cursor, now_ms: int
) -> tuple[Accepted, Cursor | None]:
    """Cancel the selected runs of one page that have not ended; None when it was the last."""
    accepted = Accepted(now_ms)
    run = tables.run.c
    rows = connection.execute(
        sa.select(run.run_id, run.created_at, run.event_id)
        .where(run.job_id == which.job_id, run.run_id.in_(dbos_rows.active_runs()))
        .where(run.created_at >= which.after_ms, run.created_at < which.before_ms)
        .where(no_failure_handlers())
        .where(sa.tuple_(run.created_at, run.run_id) > sa.tuple_(*cursor))
        .order_by(run.created_at, run.run_id)
        .limit(PAGE)
    ).all()
    hits = [row.run_id for row in rows if _fits(connection, row.event_id, which.when)]
    if hits:
        intake.cancel(connection, hits, accepted)
        intake.publish(connection, accepted)
    last = rows[-1] if len(rows) == PAGE else None
    return accepted, None if last is None else (last.created_at, last.run_id)


def _fits(connection: sa.Connection, event_id: str, when: Expression | None) -> bool:
    if when is None:
        return True
    event = read_event(connection, event_id)
    return event is not None and when.holds(event.as_json())
