"""Taking enqueued runs, and starting them in this process."""

import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from time import monotonic
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from engine.dbos import claiming
from engine.dbos.turns import claim_in_turns
from engine.errors import DatabaseAway, DatabaseFull
from engine.fairness import Turns
from engine.intake.intake import Accepted, Intake
from engine.live import LiveRuns
from engine.steps.history import read_histories
from engine.steps.journal import History
from engine.storage.transactions import Ledger

log = logging.getLogger("engine.dispatcher")


class Claims:
    """Takes runs from one queue at a time, and starts those that may be started once more."""

    def __init__(  # noqa: PLR0913 - it stands between the queues and the whole engine
        self,
        max_running: int,
        *,
        with_turns: frozenset[str],
        ledger: Ledger,
        live: LiveRuns,
        histories: dict[str, History],
        intake: Intake,
        act: Callable[[Accepted], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        has_failed: Callable[[str], None],
    ) -> None:
        """`with_turns` are the queues in which runs of different keys take turns.

        `histories` is filled for the runs that are about to start; `has_failed` is told of a run
        that is started no more.
        """
        self._max_running = max_running
        self._with_turns = with_turns
        self._ledger = ledger
        self._live = live
        self._histories = histories
        self._intake = intake
        self._act = act
        self._spawn = spawn
        self._has_failed = has_failed
        self._last_key: dict[str, str] = {}
        self._to_give_back: dict[str, list[str] | None] = {}
        """What was claimed and cannot run here, by owner token; None: whatever it took."""
        self.held_back: set[str] = set()
        """Queues whose runs, so far, must leave the room that there is to others."""

    def room(self) -> int:
        """How many more runs may execute."""
        return self._max_running - self._live.executing()

    async def take(self, queue: str, count: int) -> int:
        """Take up to `count` runs and start them; how many it took."""
        owner = claiming.new_owner()
        self._to_give_back[owner] = None  # if the answer is lost
        self._live.claim_begins()
        asked_at = monotonic()
        if queue in self._with_turns:
            claimed = await self._take_in_turns(queue, count, owner)
        else:
            claimed = await self._ledger.once(claiming.claim, queue, count, owner)
        del self._to_give_back[owner]
        self._live.claim_ended([run.run_id for run in claimed], asked_at)
        if claimed:
            await self._read_histories(claimed)
            for run in claimed:
                if run.started_too_often:
                    self._set_aside(run)
            fit = [run for run in claimed if not run.started_too_often]
            failed = await self._ledger.call(partial(_dispatch, fit))
            for run_id in failed:
                self._not_started(run_id)
            if failed:
                self._to_give_back[owner] = failed
        return len(claimed)

    async def _take_in_turns(self, queue: str, count: int, owner: str) -> list[claiming.Claimed]:
        turns = Turns(self._live.held(), self.room(), self._last_key.get(queue, ""))
        claimed, is_held_back = await self._ledger.once(claim_in_turns, queue, count, owner, turns)
        self._last_key[queue] = turns.last
        if is_held_back:
            self.held_back.add(queue)
        else:
            self.held_back.discard(queue)
        self._live.take_turns({run.run_id: run.key for run in claimed if run.key is not None})
        return claimed

    async def _read_histories(self, claimed: Sequence[claiming.Claimed]) -> None:
        """Read what earlier executions have left, of all at once."""
        self._live.first_time.update(run.run_id for run in claimed if run.is_first)
        again = [run.run_id for run in claimed if not run.is_first]
        if not again:
            return
        try:
            self._histories.update(
                await self._ledger.transact(read_histories, again, self._ledger.now_ms())
            )
        except (SQLAlchemyError, DatabaseAway, DatabaseFull):  # each reads its own
            log.exception("histories_not_read")

    def _set_aside(self, run: claiming.Claimed) -> None:
        log.error("run_set_aside", extra={"run_id": run.run_id})
        self._not_started(run.run_id)
        self._spawn(self._end(run.run_id, run.owner))

    async def _end(self, run_id: str, owner: str) -> None:
        now_ms = self._ledger.now_ms()
        self._act(await self._ledger.transact(self._intake.set_aside, run_id, owner, now_ms))
        self._has_failed(run_id)

    def _not_started(self, run_id: str) -> None:
        self._live.not_started(run_id)
        self._histories.pop(run_id, None)

    async def give_back(self) -> None:
        """Put back what was taken and could not be started."""
        for owner, run_ids in list(self._to_give_back.items()):
            await self._ledger.transact(claiming.give_back, owner, run_ids)
            del self._to_give_back[owner]


def _dispatch(claimed: list[claiming.Claimed]) -> list[str]:
    """Start these runs; returns those that could not start."""
    failed: list[str] = []
    for run in claimed:
        try:
            claiming.dispatch(run)
        except Exception:  # the rim: one run that cannot start must not stop the others
            log.exception("dispatch_failed", extra={"run_id": run.run_id})
            failed.append(run.run_id)
    return failed
