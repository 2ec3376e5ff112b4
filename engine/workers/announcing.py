"""The ends of runs, told as events by the transaction that makes sure that they are ours."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.errors import RunLost, StepFailed
from engine.events import FINISHED, WireEvent
from engine.intake.accepted import Accepted
from engine.intake.intake import Intake, end_data
from engine.steps.context import RunError
from engine.steps.history import record_attempt
from engine.steps.journal import BODY, FailedAttempt
from engine.storage.eventlog import finished_id
from engine.storage.transactions import Ledger
from engine.workers.execution import Execution


class EventAnnouncer:
    """Sends `engine/function.finished`, where a job listens to it, and `engine/function.failed`."""

    def __init__(
        self,
        intake: Intake,
        ledger: Ledger,
        act: Callable[[Accepted], None],
        *,
        ends_are_heard: bool,
    ) -> None:
        self._intake = intake
        self._ledger = ledger
        self._act = act
        self._ends_are_heard = ends_are_heard

    async def completed(self, run: Execution, result: Any) -> None:
        """Say that a run has completed, if anybody listens."""
        if not self._ends_are_heard:
            return
        data = end_data(run.run_id, run.job.id, run.payload.event) | {"result": result}
        event = WireEvent(FINISHED, data, finished_id(run.run_id), self._ledger.now_ms())
        self._committed(run, await self._ledger.transact(self._record_end, run, event))

    async def failed(self, run: Execution, failure: Exception, attempt: int | None) -> None:
        """Say that a run has failed, and start `on_failure`."""
        self._committed(
            run, await self._ledger.transact(self._record_failure, run, failure, attempt)
        )

    def _committed(self, run: Execution, accepted: Accepted | None) -> None:
        if accepted is None:
            raise RunLost(run.run_id)
        self._act(accepted)

    def _record_end(
        self, connection: sa.Connection, run: Execution, event: WireEvent
    ) -> Accepted | None:
        if not dbos_rows.owns(connection, run.run_id):
            return None
        return self._intake.accept(connection, [event], event.ts_ms)

    def _record_failure(
        self, connection: sa.Connection, run: Execution, failure: Exception, attempt: int | None
    ) -> Accepted | None:
        if not dbos_rows.owns(connection, run.run_id):
            return None
        now_ms = self._ledger.now_ms()
        if attempt is not None and not isinstance(failure, StepFailed):
            # A body may take another way when it runs again; a failure that was announced stands.
            last = FailedAttempt(run.run_id, BODY, attempt, failure, None)
            record_attempt(connection, last, now_ms)
        accepted, error = Accepted(now_ms), RunError.of(failure)
        event = run.payload.event
        self._intake.announce_failure(connection, run.job, run.run_id, event, error, accepted)
        return accepted
