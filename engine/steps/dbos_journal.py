"""The journal of a run that executes as a workflow of DBOS; see `engine.steps.journal`."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import monotonic
from typing import Concatenate, ParamSpec, Self, TypeVar

import sqlalchemy as sa

from engine.dbos import dbos_rows, private, recorded
from engine.errors import RunLost
from engine.live import LiveRun
from engine.steps.context import RunError
from engine.steps.history import read_histories, record_own_attempt
from engine.steps.journal import BODY, Answer, EndedStep, FailedAttempt, History, Recalled
from engine.steps.sleep import LONGEST_SLEEP_S
from engine.steps.waits import NewWait, Waiter, Waits, open_wait, read_wait
from engine.steps.working import Note, Working
from engine.storage import codec, tables
from engine.storage.eventlog import failed_id, read_event
from engine.storage.transactions import Ledger

P = ParamSpec("P")
T = TypeVar("T")

TRUSTED_S = 0.1  # what a cancel or another process's taking over is told within, as a rule


@dataclass(frozen=True)
class Records:
    """What the journals of a process have in common."""

    ledger: Ledger
    waits: Waits
    working: Working
    close_wait: Callable[[str, str], None]
    """Delete the row of a run's wait, some time."""
    trusted_s: float
    """How long a run is taken to be ours after the database has said so."""


class DbosJournal:
    """The records of one claimed run: rows of DBOS, and rows of ours beside them."""

    __slots__ = ("_live", "_owner", "_records")

    def __init__(self, records: Records, live: LiveRun, owner: str) -> None:
        """For the execution that has claimed the run as `owner`; see `recorded.owner`."""
        self._records = records
        self._live = live
        self._owner = owner

    async def history(self) -> History:
        """What earlier executions have left."""
        asked_at, now_ms = monotonic(), self._records.ledger.now_ms()
        known = await self._transact(_own_history, self._live.run_id, self._owner, now_ms)
        self._live.proved_at = asked_at
        return known

    async def make_sure(self) -> None:
        """See that the run is ours, unless that is known from a moment ago.

        DBOS looks before every step, in a transaction that costs as much as recording it. Between
        two steps nothing is gained by that: the record of the first has just said so.
        """
        asked_at, proved_at = monotonic(), self._live.proved_at
        if proved_at is not None and asked_at - proved_at <= self._records.trusted_s:
            return
        await self._transact(recorded.check_owned, self._live.run_id, self._owner)
        self._live.proved_at = asked_at

    async def is_ours(self) -> bool:
        """Whether the run executes in this process."""
        return await self._records.ledger.transact(dbos_rows.owns, self._live.run_id)

    async def recall(self, name: str, number: int) -> Recalled | None:  # noqa: ARG002 - by its number
        """What a step has recorded."""
        return await self._transact(recorded.read_result, self._live.run_id, number, self._owner)

    def stamp(self) -> int:
        """The time as DBOS stamps steps with it."""
        return private.now_ms()

    async def record(self, step: EndedStep) -> None:
        """Record a step as DBOS does."""
        new = recorded.NewStep(
            self._live.run_id,
            self._owner,
            step.name,
            step.number,
            step.result,
            step.failure,
            step.started_at,
            private.now_ms(),
        )
        self._live.proved_at = await self._transact(recorded.record, new)

    async def count(self, failed: FailedAttempt) -> None:
        """Record a failed attempt, so that a crash does not start the count over."""
        ledger = self._records.ledger
        if not await ledger.transact(record_own_attempt, failed, ledger.now_ms()):
            raise RunLost(self._live.run_id)

    def working(self, step_id: str, attempt: int, started_at: int) -> AbstractContextManager[None]:
        """While an attempt executes, it is noted if that takes a while."""
        return self._records.working.step(Note(self._live.run_id, step_id, attempt, started_at))

    async def last_failure(self) -> Exception:
        """What the body's last attempt has failed with."""
        return await self._records.ledger.transact(_read_last_failure, self._live.run_id)

    def waiting(self, wait: NewWait) -> "DbosWaiting":
        """A wait: a row that whoever sends an event or a signal answers."""
        return DbosWaiting(self._records, wait)

    def forget_wait(self, step_id: str) -> None:
        """Delete its row."""
        self._records.close_wait(self._live.run_id, step_id)

    async def _transact(
        self,
        work: Callable[Concatenate[sa.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do what only the process that has the run may do."""
        try:
            return await self._records.ledger.transact(work, *args, **kwargs)
        except recorded.NotOurs as error:  # unwind as a cancellation, write nothing
            raise RunLost(self._live.run_id) from error


class DbosWaiting:
    """One execution's wait. It takes wakes from before its row is there to be answered."""

    __slots__ = ("_deadline_ms", "_records", "_wait", "_waiter")

    _waiter: Waiter

    def __init__(self, records: Records, wait: NewWait) -> None:
        self._records = records
        self._wait = wait
        self._deadline_ms = wait.deadline_ms

    def __enter__(self) -> Self:
        self._waiter = self._records.waits.expect(self._wait.key)
        return self

    def __exit__(self, *_: object) -> None:
        self._records.waits.expect_no_more(self._wait.key, self._waiter)

    async def open(self) -> Answer | None:
        """Store it, or find it; its deadline is that of the first execution."""
        ledger = self._records.ledger
        opened = await ledger.transact(open_wait, self._wait, ledger.now_ms())
        if opened is None:
            raise RunLost(self._wait.run_id)
        self._deadline_ms, answer = opened
        return answer

    async def answer(self) -> Answer | None:
        """Look at the row whenever woken, and once a day."""
        ledger = self._records.ledger
        give_up_at = ledger.monotonic() + self._wait.at_most_s
        answer = None
        while answer is None:
            left_s = (self._deadline_ms - ledger.now_ms()) / 1000
            left_s = min(left_s, give_up_at - ledger.monotonic())
            if left_s <= 0:
                return None
            await self._waiter.until(min(left_s, LONGEST_SLEEP_S))
            _, answer = await ledger.transact(read_wait, self._wait.key)
        return answer


def _own_history(connection: sa.Connection, run_id: str, owner: str, now_ms: int) -> History:
    recorded.check_owned(connection, run_id, owner)
    return read_histories(connection, [run_id], now_ms)[run_id]


def _read_last_failure(connection: sa.Connection, run_id: str) -> Exception:
    attempt = tables.attempt.c
    row = connection.execute(
        sa.select(tables.attempt)
        .where(attempt.run_id == run_id, attempt.step_id == BODY)
        .order_by(attempt.attempt.desc())
        .limit(1)
    ).one()
    announced = read_event(connection, failed_id(run_id))
    cause = None if announced is None else RunError.from_json(announced.data["error"]).cause
    return codec.StoredError(
        row.error_name,
        row.error_message,
        code=row.error_code,
        cause=cause,
        stack=row.error_stack,
    )
