"""What a run leaves behind when it ends, and that it goes with its end or not at all.

A process that dies between two commits must leave no place that nobody gives back, and no wait that
takes signals from others.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.intake.cancel_rules import forget_watch
from engine.steps.slots import Place, Slots, leave
from engine.steps.waits import close_waits
from engine.storage.notices import Notice, publish
from engine.storage.transactions import Ledger


def settle(connection: sa.Connection, run_id: str, sender: str) -> list[Place]:
    """Nothing waits for the run any more, and it holds nothing; returns who gets its places."""
    forget_watch(connection, run_id)
    close_waits(connection, run_id)
    granted = leave(connection, run_id)
    publish(connection, Notice(sender, places=tuple(granted)))
    return granted


class Ends:
    """The executions of this process that are ending; see `engine.dbos.ending.AtEnd`."""

    def __init__(
        self,
        executor_id: str,
        *,
        ledger: Ledger,
        slots: Slots,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._executor_id = executor_id
        self._ledger = ledger
        self._slots = slots
        self._spawn = spawn
        self._loop = asyncio.get_running_loop()
        self._ending: set[tuple[str, str]] = set()

    def expect(self, run_id: str, owner: str) -> None:
        """The outcome of this execution is about to be stored, and there is something to settle."""
        self._ending.add((run_id, owner))

    def concerns(self, run_id: str, owner: str) -> bool:
        """Whether this execution leaves anything behind."""
        return (run_id, owner) in self._ending

    def settle(self, connection: sa.Connection, run_id: str, owner: str) -> Callable[[], None]:
        """Take it away in the transaction that ends the run."""
        granted = settle(connection, run_id, self._executor_id)

        def then() -> None:
            self._loop.call_soon_threadsafe(self._settled, run_id, owner, granted)

        return then

    def _settled(self, run_id: str, owner: str, granted: list[Place]) -> None:
        self._ending.discard((run_id, owner))
        self._slots.wake(granted)

    def lost(self, run_id: str, owner: str) -> None:
        """The run has been cancelled, or executes elsewhere."""
        self._loop.call_soon_threadsafe(self.interrupted, run_id, owner)

    def interrupted(self, run_id: str, owner: str) -> None:
        """This execution has stopped without an outcome: take away what it leaves, if it is over.

        Not awaited: whoever interrupted it must not wait for it, nor undo it by another
        interruption. When the process dies first, the sweep of another one does the same.
        """
        self._ending.discard((run_id, owner))
        self._spawn(self._settle_lost(run_id, owner))

    async def _settle_lost(self, run_id: str, owner: str) -> None:
        self._slots.wake(await self._ledger.transact(self._settle_unless, run_id, owner))

    def _settle_unless(self, connection: sa.Connection, run_id: str, owner: str) -> list[Place]:
        if dbos_rows.goes_on_without(connection, run_id, owner):
            return []
        return settle(connection, run_id, self._executor_id)
