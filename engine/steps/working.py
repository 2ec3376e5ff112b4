"""Steps that execute in this process now: those that take a while are noted, for people to see.

A note costs a row, so a step that is quick leaves none, unless it was interrupted. The notes of
many steps are written at once, and no step waits for its own.
"""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from engine.storage import tables
from engine.storage.tables import insert_new
from engine.storage.transactions import Ledger

NOTE_AFTER_S = 0.25  # less than anybody sees of a step
MOST_NOTES = 10_000  # waiting to be written; those beyond are dropped


@dataclass(frozen=True, slots=True)
class Note:
    """An attempt of a step that has begun; `started_at` is ms since the epoch."""

    run_id: str
    step_id: str
    attempt: int
    started_at: int


class Working:
    """What executes now, and what of it is not noted yet."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._fresh: dict[Note, None] = {}
        self._due: dict[Note, None] = {}
        self._came = asyncio.Event()

    @contextmanager
    def step(self, note: Note) -> Generator[None]:
        """While it executes. Interrupted, it is noted however quick it was."""
        self._fresh[note] = None
        self._came.set()
        try:
            yield
        except asyncio.CancelledError:
            if note in self._fresh and len(self._due) < MOST_NOTES:
                self._due[note] = None
                self._came.set()
            raise
        finally:
            self._fresh.pop(note, None)

    async def note(self) -> None:
        """Write down what takes a while, until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            older = list(self._fresh)
            await asyncio.sleep(NOTE_AFTER_S)
            still = [note for note in older if note in self._fresh]
            notes, self._due = [*self._due, *still], {}
            for note in still:
                del self._fresh[note]
            if notes:
                await self._ledger.transact(write_notes, notes)
            if self._fresh:
                self._came.set()


def write_notes(connection: sa.Connection, notes: Sequence[Note]) -> None:
    """Remember when these began; of an attempt that is executed again, when it first did.

    A run that has been deleted meanwhile leaves no note.
    """
    run = tables.run.c
    named = {note.run_id for note in notes}
    kept = set(connection.execute(sa.select(run.run_id).where(run.run_id.in_(named))).scalars())
    for note in (each for each in notes if each.run_id in kept):
        row = {
            "run_id": note.run_id,
            "step_id": note.step_id,
            "attempt": note.attempt,
            "kind": "run",
            "started_at": note.started_at,
        }
        insert_new(connection, tables.working, row)


def note_waits(connection: sa.Connection, run_id: str, now_ms: int) -> None:
    """Remember what a run that is being cancelled was waiting for."""
    wait = tables.wait.c
    query = sa.select(tables.wait).where(wait.run_id == run_id, wait.answer.is_(None))
    for row in connection.execute(query).all():
        note = {
            "run_id": run_id,
            "step_id": row.step_id,
            "attempt": 0,
            "kind": "wait_for_event" if row.signal is None else "wait_for_signal",
            "started_at": now_ms if row.opened_at is None else row.opened_at,
            "until": row.deadline,
        }
        insert_new(connection, tables.working, note)
