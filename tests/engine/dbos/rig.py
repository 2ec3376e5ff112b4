"""DBOS as the engine runs it, to hold its private names against the installed version."""

import asyncio
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from engine import Database
from engine.dbos import claiming, dbos_rows, private, recorded
from engine.dbos.host import Enqueued, Host
from engine.storage import tables
from engine.storage.database import closer


class Leftovers:
    """What executions leave behind: nothing, unless a test says so."""

    def __init__(self) -> None:
        self.runs: set[str] = set()
        self.heard: list[str] = []
        self.fails = False

    def concerns(self, run_id: str, _owner: str) -> bool:
        return run_id in self.runs

    def settle(self, connection: sa.Connection, run_id: str, _owner: str) -> Callable[[], None]:
        status = dbos_rows.run_row(connection, run_id)
        assert status is not None
        self.heard.append(f"{run_id} {status.status}")
        if self.fails:
            raise ValueError("rolled back")
        return lambda: self.heard.append(f"{run_id} committed")

    def lost(self, run_id: str, _owner: str) -> None:
        self.heard.append(f"{run_id} lost")


class Rig:
    """DBOS with one workflow whose body a test chooses."""

    def __init__(self, database: Database) -> None:
        self.pool = database.connect()
        self.host = Host(database, self.pool, app="contract", executor_id="me")
        self.ends = Leftovers()
        self.body: Any = None
        self.tasks: list[asyncio.Task[Any]] = []

    async def __aenter__(self) -> "Rig":
        async def run(payload: dict[str, Any]) -> Any:
            task = asyncio.current_task()
            assert task is not None
            self.tasks.append(task)
            return await self.body(payload)

        tables.create(self.pool)
        await self.host.start(run, self.ends)
        self.pool_with_schema = private.with_schema(self.pool)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.host.stop()
        closer(self.pool)()

    def enqueue(self, run_id: str, **options: Any) -> None:
        with self.pool.begin() as connection:
            self.host.enqueue(connection, Enqueued(run_id, "q", {"run": run_id}, **options))

    async def claim(self, limit: int, owner: str | None = None) -> list[claiming.Claimed]:
        def transaction() -> list[claiming.Claimed]:
            with self.pool_with_schema.begin() as connection:
                return claiming.claim(connection, "q", limit, owner or claiming.new_owner())

        return await asyncio.to_thread(transaction)

    async def start(self, run_id: str) -> asyncio.Task[Any]:
        [claimed] = await self.claim(10)
        assert claimed.run_id == run_id
        await asyncio.to_thread(claiming.dispatch, claimed)
        while not self.tasks:  # noqa: ASYNC110 - the task starts on this loop
            await asyncio.sleep(0)
        return self.tasks.pop()

    def queues_with_work(self) -> list[str]:
        with self.pool_with_schema.connect() as connection:
            return dbos_rows.queues_with_work(connection, ["q", "other"])

    def next_delayed_ms(self) -> int | None:
        with self.pool_with_schema.connect() as connection:
            return dbos_rows.next_delayed_ms(connection)

    def record(
        self, number: int, name: str, result: Any = None, failure: Exception | None = None
    ) -> float:
        """Record a step of the run whose body calls this."""
        run_id, owner = private.current_run_id(), recorded.owner()
        step = recorded.NewStep(run_id, owner, name, number, result, failure, 1_000, 2_000)
        with self.pool_with_schema.begin() as connection:
            return recorded.record(connection, step)

    def recorded(self, run_id: str) -> dict[str, int]:
        with self.pool_with_schema.connect() as connection:
            steps = recorded.recorded_steps(connection, [run_id])
        return {step.name: step.number for step in steps}

    def row(self, run_id: str) -> dbos_rows.RunRow:
        with self.pool_with_schema.connect() as connection:
            row = dbos_rows.run_row(connection, run_id)
        assert row is not None
        return row
