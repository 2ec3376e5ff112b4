"""Runs that a throttle holds up, in this process: who asks it next, and when.

Whoever is refused gives its places back and stands in line with the other runs of its key. One of
them asks at a time, the oldest first; other processes have lines of their own.
"""

import asyncio
import heapq
import math
from collections import deque
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

import sqlalchemy as sa

from engine.dbos import claiming
from engine.dbos.recorded import NotOurs
from engine.errors import RunLost
from engine.intake.accepted import Accepted
from engine.intake.throttles import Leave, Start, ask, begun_late, slack_ms, spacing_ms
from engine.live import LiveRun
from engine.options import Throttle
from engine.steps.slots import Gate
from engine.storage.transactions import Ledger

KEPT_LINES = 1_000  # those beyond it are forgotten where nobody stands in them


class Line:
    """The runs of one key."""

    def __init__(self, rule: Throttle) -> None:
        self._spacing_s = spacing_ms(rule) / 1000
        self._begun: deque[float] = deque(maxlen=rule.burst)
        self._waiting: list[tuple[int, str, asyncio.Future[None]]] = []
        self._next_at = 0.0
        """When the next may ask, on the loop's clock; infinite while one is being called."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it says nothing that the database does not."""
        return not self._waiting and self._next_at <= asyncio.get_running_loop().time()

    async def turn(self, position: int, run_id: str) -> None:
        """Wait until this run is to ask. The next one is called when it says what it was told.

        If that takes longer than the pace of starts, since it has to wait for a place, the next
        one does not wait for it.
        """
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (position, run_id, mine))
        self._look()
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():  # it had just been called
                self.told(0.0)
            raise
        self.told(self._spacing_s)

    def told(self, wait_s: float) -> None:
        """Nobody need ask for so long."""
        self._next_at = asyncio.get_running_loop().time() + wait_s
        self._look()

    def begins(self, next_s: float) -> None:
        """A run begins now; so long after it has been let start the next one may be."""
        now = asyncio.get_running_loop().time()
        self._begun.append(now)
        if len(self._begun) == self._begun.maxlen:  # its leave may be a while ago
            next_s = max(next_s, self._begun[0] + self._spacing_s - now)
        self.told(next_s)

    def _look(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)
        loop = asyncio.get_running_loop()
        if self._waiting and self._next_at <= loop.time():
            self._next_at = math.inf
            heapq.heappop(self._waiting)[2].set_result(None)
        elif self._waiting and self._next_at < math.inf:
            self._timer = loop.call_at(self._next_at, self._look)


class Pacing:
    """The lines of this process."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        act: Callable[[Accepted], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._ledger = ledger
        self._act = act
        self._spawn = spawn
        self._lines: dict[str, Line] = {}

    async def start(self, start: Start, live: LiveRun, gate: Gate, position: int) -> None:
        """Wait until the run has its places and the leave of its throttle; its body begins now.

        Raises:
            CancelledError: it must not, as it has been cancelled, or its job paused.
        """
        line = self._line(start)
        while True:
            with live.asleep():
                await line.turn(position, start.run_id)
                leave = await self._ask(start, line, gate)
            if leave.wait_ms is None:
                self._begins(start, line, leave)
                return
            line.told(leave.wait_ms / 1000)
            await gate.pause()
            if leave.is_paused:
                queues = await self._ledger.transact(_into_queue, start.run_id)
                self._act(Accepted(self._ledger.now_ms(), queues=queues))
                live.stop("handed over")
                raise asyncio.CancelledError

    def _begins(self, start: Start, line: Line, leave: Leave) -> None:
        line.begins(leave.next_ms / 1000)
        late_ms = (monotonic() - leave.given_at) * 1000
        if leave.given_at and late_ms > slack_ms(start.rule):
            self._spawn(self._ledger.transact(begun_late, start.counted_by, int(late_ms)))

    async def _ask(self, start: Start, line: Line, gate: Gate) -> Leave:
        try:
            await gate.open()
            return await self._ledger.transact(ask, start, self._ledger.now_ms())
        except NotOurs as error:
            line.told(0.0)
            raise RunLost(start.run_id) from error
        except BaseException:
            line.told(0.0)
            raise

    def _line(self, start: Start) -> Line:
        line = self._lines.get(start.key)
        if line is None:
            if len(self._lines) >= KEPT_LINES:
                self._lines = {key: old for key, old in self._lines.items() if not old.is_idle}
            line = self._lines[start.key] = Line(start.rule)
        return line


def _into_queue(connection: sa.Connection, run_id: str) -> set[str]:
    return set(claiming.hand_over(connection, [run_id]))
