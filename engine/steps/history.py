"""The rows in which executions of a run leave steps and failed attempts for later ones."""

from collections.abc import Sequence

import sqlalchemy as sa

from engine.dbos import dbos_rows, recorded
from engine.steps.journal import FailedAttempt, History
from engine.storage import codec, tables
from engine.storage.tables import insert_new


def read_histories(
    connection: sa.Connection, run_ids: Sequence[str], now_ms: int
) -> dict[str, History]:
    """Load what runs that start again must know."""
    histories = {run_id: History() for run_id in run_ids}
    attempt = tables.attempt.c
    columns = (attempt.run_id, attempt.step_id, attempt.attempt, attempt.failed_at, attempt.next_at)
    query = sa.select(*columns).where(attempt.run_id.in_(run_ids)).order_by(attempt.attempt)
    for run_id, step_id, number, failed_at, next_at in connection.execute(query):
        if next_at is not None:  # no longer than it was to back off, if the clock has been set back
            next_at = min(next_at, now_ms + next_at - failed_at)  # noqa: PLW2901
        histories[run_id].failed[step_id] = (number + 1, next_at)
    for step in recorded.recorded_steps(connection, run_ids):
        history = histories[step.run_id]
        history.recorded[step.name] = step.number
        history.last = max(history.last, step.number)
        if step.result is not None:
            history.results[step.name] = step.result
    return histories


def record_attempt(connection: sa.Connection, failed: FailedAttempt, now_ms: int) -> None:
    """Store a failed attempt, so that a crash does not start the count over."""
    fields = codec.error_fields(failed.failure)
    row = {
        "run_id": failed.run_id,
        "step_id": failed.step_id,
        "attempt": failed.attempt,
        "error_name": fields["name"],
        "error_message": fields["message"],
        "error_code": fields.get("code"),
        "error_stack": fields.get("stack"),
        "failed_at": now_ms,
        "started_at": failed.started_at,
        "next_at": failed.next_at,
    }
    insert_new(connection, tables.attempt, row)


def record_own_attempt(connection: sa.Connection, failed: FailedAttempt, now_ms: int) -> bool:
    """The same while the run executes in this process; False, and nothing stored, otherwise."""
    if not dbos_rows.owns(connection, failed.run_id):
        return False
    record_attempt(connection, failed, now_ms)
    return True
