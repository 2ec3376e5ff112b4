"""What events did to runs that were there: which waits they ended, and what they cancelled."""

from collections.abc import Iterable

import sqlalchemy as sa

from engine.storage import tables
from engine.storage.tables import insert_new

CANCEL = ""  # in place of the step that waited


def note_ended_wait(connection: sa.Connection, event_id: str, run_id: str, step_id: str) -> None:
    """An event has ended the wait of a step."""
    row = {"event_id": event_id, "run_id": run_id, "step_id": step_id}
    insert_new(connection, tables.effect, row)


def note_cancels(connection: sa.Connection, event_id: str, run_ids: Iterable[str]) -> None:
    """An event has cancelled runs, those that they invoked included."""
    for run_id in run_ids:
        note_ended_wait(connection, event_id, run_id, CANCEL)
