"""The private names of DBOS do in the installed version what the engine takes them for."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dbos import DBOS

from engine import Database, StepFailed
from engine.database import closer
from engine.dbos import dbos_rows, private, recorded
from engine.dbos.host import Enqueued, Host


class Rig:
    """DBOS with one workflow whose body a test chooses."""

    def __init__(self, database: Database) -> None:
        self.pool = database.connect()
        self.host = Host(database, self.pool, app="contract", executor_id="me")
        self.body: Any = None
        self.tasks: list[asyncio.Task[Any]] = []

    async def __aenter__(self) -> "Rig":
        async def run(payload: dict[str, Any]) -> Any:
            task = asyncio.current_task()
            assert task is not None
            self.tasks.append(task)
            return await self.body(payload)

        await self.host.start(run)
        self.pool_with_schema = private.with_schema(self.pool)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.host.stop()
        closer(self.pool)()

    def enqueue(self, run_id: str, **options: Any) -> None:
        with self.pool.begin() as connection:
            self.host.enqueue(connection, Enqueued(run_id, "q", {"n": 1}, **options))

    async def start(self, run_id: str) -> asyncio.Task[Any]:
        [claimed] = await asyncio.to_thread(private.claim, "q", 10)
        assert claimed.run_id == run_id
        await asyncio.to_thread(private.dispatch, claimed)
        while not self.tasks:  # noqa: ASYNC110 - the task starts on this loop
            await asyncio.sleep(0)
        return self.tasks.pop()

    def queues_with_work(self) -> list[str]:
        with self.pool_with_schema.connect() as connection:
            return dbos_rows.queues_with_work(connection, ["q", "other"])

    def next_delayed_ms(self) -> int | None:
        with self.pool_with_schema.connect() as connection:
            return dbos_rows.next_delayed_ms(connection)

    def recorded(self, run_id: str) -> dict[str, int]:
        with self.pool_with_schema.connect() as connection:
            steps = recorded.recorded_steps(connection, [run_id])
        return {step.name: step.number for step in steps}

    def row(self, run_id: str) -> dbos_rows.RunRow:
        with self.pool_with_schema.connect() as connection:
            row = dbos_rows.run_row(connection, run_id)
        assert row is not None
        return row


async def test_claim_takes_at_most_the_limit_in_order_of_arrival(database: Database) -> None:
    async with Rig(database) as rig:
        for run_id in ("a", "b", "c"):
            rig.enqueue(run_id)
        first = await asyncio.to_thread(private.claim, "q", 2)
        assert [claimed.run_id for claimed in first] == ["a", "b"]
        assert all(claimed.is_first for claimed in first)
        assert rig.queues_with_work() == ["q"]
        second = await asyncio.to_thread(private.claim, "q", 2)
        assert [claimed.run_id for claimed in second] == ["c"]
        assert rig.queues_with_work() == []


async def test_what_a_claim_took_can_be_given_back_by_its_owner_alone(database: Database) -> None:
    async with Rig(database) as rig:
        for run_id in ("a", "b", "c"):
            rig.enqueue(run_id)
        owner = private.new_owner()
        await asyncio.to_thread(private.claim, "q", 2, owner)
        await asyncio.to_thread(private.claim, "q", 1)
        with rig.pool_with_schema.begin() as connection:
            dbos_rows.give_back(connection, private.new_owner())
        assert await asyncio.to_thread(private.claim, "q", 3) == []
        with rig.pool_with_schema.begin() as connection:
            dbos_rows.give_back(connection, owner, ["b"])
        assert [run.run_id for run in await asyncio.to_thread(private.claim, "q", 3)] == ["b"]
        with rig.pool_with_schema.begin() as connection:
            dbos_rows.give_back(connection, owner)
        assert [run.run_id for run in await asyncio.to_thread(private.claim, "q", 3)] == ["a"]


async def test_rolled_back_enqueue_leaves_nothing(database: Database) -> None:
    async with Rig(database) as rig:
        with rig.pool.connect() as connection:
            transaction = connection.begin()
            rig.host.enqueue(connection, Enqueued("a", "q", {}))
            transaction.rollback()
        assert await asyncio.to_thread(private.claim, "q", 2) == []


async def test_steps_are_recorded_under_the_numbers_we_choose(database: Database) -> None:
    async def body(_: dict[str, Any]) -> str:
        async def step() -> str:
            return "x"

        assert private.current_run_id() == "r"
        await private.reserve_step(7).run_async({"name": "seven"}, step)
        return await private.reserve_step(3).run_async({"name": "three"}, step)

    async with Rig(database) as rig:
        rig.body = body
        rig.enqueue("r")
        await (await rig.start("r"))
        assert rig.recorded("r") == {"seven": 7, "three": 3}
        row = rig.row("r")
        assert (row.status, row.output, row.error) == ("SUCCESS", '"x"', None)
        assert row.completed_at is not None


async def test_small_results_come_with_the_recorded_steps_of_an_executing_run(
    database: Database,
) -> None:
    async def body(_: dict[str, Any]) -> None:
        async def small() -> list[int]:
            return [1, 2]

        async def large() -> str:
            return "x" * recorded.KEPT_LENGTH

        async def failing() -> None:
            raise StepFailed("failing", "Broken", "text", attempts=1)

        await private.reserve_step(1).run_async({"name": "small"}, small)
        await private.reserve_step(2).run_async({"name": "large"}, large)
        with pytest.raises(StepFailed):
            await private.reserve_step(3).run_async({"name": "failing"}, failing)
        await asyncio.Event().wait()

    async with Rig(database) as rig:
        rig.body = body
        rig.enqueue("r")
        task = await rig.start("r")
        async with asyncio.timeout(5):
            while len(rig.recorded("r")) < 3:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        with rig.pool_with_schema.begin() as connection:
            steps = recorded.recorded_steps(connection, ["r", "unknown"])
            results = {step.name: step.result for step in steps}
            assert results["small"] is not None
            assert results["small"].value() == [1, 2]
            assert results["large"] is None
            assert results["failing"] is not None
            with pytest.raises(StepFailed, match="text"):
                results["failing"].value()
            dbos_rows.cancel(connection, ["r"])
            steps = recorded.recorded_steps(connection, ["r"])
            assert {step.name: step.result for step in steps} == dict.fromkeys(results)
        task.cancel()
        await asyncio.wait({task}, timeout=3)


async def test_step_that_we_record_is_as_one_that_dbos_records(database: Database) -> None:
    def ours(number: int, result: Any, failure: Exception | None = None) -> recorded.NewStep:
        return recorded.NewStep("r", f"ours-{number}", number, result, failure, 1_000)

    fenced: list[BaseException] = []

    async def body(_: dict[str, Any]) -> None:
        async def theirs() -> dict[str, int]:
            return {"n": 1}

        await private.reserve_step(1).run_async({"name": "theirs"}, theirs)
        await asyncio.to_thread(recorded.recording(ours(2, {"n": 1})))
        failure = StepFailed("ours-3", "Broken", "text", attempts=1)
        await asyncio.to_thread(recorded.recording(ours(3, None, failure)))
        with rig.pool_with_schema.begin() as connection:
            dbos_rows.cancel(connection, ["r"])
        try:
            await asyncio.to_thread(recorded.recording(ours(4, None)))
        except private.LostRun as error:
            fenced.append(error)

    async with Rig(database) as rig:
        rig.body = body
        rig.enqueue("r")
        await asyncio.wait({await rig.start("r")}, timeout=3)
        with rig.pool_with_schema.connect() as connection:
            rows = dbos_rows.step_rows(connection, "r")
            steps = recorded.recorded_steps(connection, ["r"])
        assert [row.name for row in rows] == ["theirs", "ours-2", "ours-3"]
        assert rows[0].output == rows[1].output == '{"n":1}'
        assert rows[1].started_at == 1_000
        assert rows[2].error is not None
        assert len(steps) == 3
        assert len(fenced) == 1


async def test_runs_of_this_process_go_back_to_their_queue_before_launch(
    database: Database,
) -> None:
    async with Rig(database) as rig:
        rig.enqueue("a")
        rig.enqueue("b")
        await asyncio.to_thread(private.claim, "q", 1)
        private.recover_own(rig.pool, "another")
        assert rig.row("a").status == "PENDING"
        private.recover_own(rig.pool, "me")
        assert rig.row("a").status == "ENQUEUED"
        again = await asyncio.to_thread(private.claim, "q", 2)
        assert [(run.run_id, run.is_first) for run in again] == [("a", False), ("b", True)]


async def test_cancel_in_our_transaction_fences_the_run(database: Database) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def body(_: dict[str, Any]) -> None:
        async def step() -> None:
            entered.set()
            await go.wait()

        with pytest.raises(private.LostRun):
            await private.reserve_step(1).run_async({"name": "one"}, step)

    async with Rig(database) as rig:
        rig.body = body
        rig.enqueue("r")
        task = await rig.start("r")
        await entered.wait()
        with rig.pool_with_schema.begin() as connection:
            assert dbos_rows.owns(connection, "r")
            assert dbos_rows.holds(connection, "r")
            assert dbos_rows.still_held(connection, "me", ["r", "s"]) == {"r"}
            assert dbos_rows.all_held(connection, "me") == {"r"}
            assert dbos_rows.all_held(connection, "other") == set()
            assert dbos_rows.cancel(connection, ["r", "unknown"]) == ["r"]
            assert not dbos_rows.owns(connection, "r")
            assert not dbos_rows.holds(connection, "r")
            assert dbos_rows.cancel(connection, ["r"]) == []
        go.set()
        await asyncio.wait({task}, timeout=3)
        assert rig.recorded("r") == {}
        assert rig.row("r").status == "CANCELLED"


async def test_our_cancel_leaves_what_that_of_dbos_leaves(database: Database) -> None:
    async with Rig(database) as rig:
        rig.enqueue("ours")
        rig.enqueue("theirs")
        with rig.pool_with_schema.begin() as connection:
            dbos_rows.cancel(connection, ["ours"])
        await DBOS.cancel_workflow_async("theirs")
        query = "SELECT status, owner_xid, queue_name, deduplication_id, started_at_epoch_ms"
        table = (
            "dbos.workflow_status" if "postgres" in rig.pool.url.drivername else "workflow_status"
        )
        with rig.pool.connect() as connection:
            rows = connection.execute(sa.text(f"{query} FROM {table}")).all()
        assert len(rows) == 2
        assert rows[0] == rows[1]


async def test_handed_over_and_recovered_runs_can_be_claimed_again(database: Database) -> None:
    async with Rig(database) as rig:
        rig.enqueue("r")
        await asyncio.to_thread(private.claim, "q", 1)
        await asyncio.to_thread(private.hand_over, "r", "q")
        [again] = await asyncio.to_thread(private.claim, "q", 1)
        assert not again.is_first
        with rig.pool_with_schema.begin() as connection:
            assert dbos_rows.executors_besides(connection, ["me"]) == []
            assert dbos_rows.executors_besides(connection, ["other"]) == ["me"]
            assert dbos_rows.recover(connection, ["me"]) == ["q"]
        assert [run.run_id for run in await asyncio.to_thread(private.claim, "q", 1)] == ["r"]


async def test_delayed_run_is_released_when_due(database: Database) -> None:
    async with Rig(database) as rig:
        rig.enqueue("later", delay_s=60)
        rig.enqueue("soon", delay_s=0.05)
        assert rig.row("soon").status == "DELAYED"
        next_ms = rig.next_delayed_ms()
        assert next_ms is not None
        async with asyncio.timeout(3):
            while rig.queues_with_work() == []:
                await asyncio.sleep(0.02)
                private.release_delayed()
                later_ms = rig.next_delayed_ms()
                assert later_ms is not None
                assert later_ms >= next_ms


async def test_run_that_was_started_too_often_is_set_aside(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.dbos.host.MAX_RECOVERIES", 1)
    async with Rig(database) as rig:
        rig.enqueue("r")
        for _ in range(2):
            await asyncio.to_thread(private.claim, "q", 1)
            with rig.pool_with_schema.begin() as connection:
                dbos_rows.recover(connection, ["me"])  # as after a death
        [third] = await asyncio.to_thread(private.claim, "q", 1)
        with pytest.raises(private.TooManyRecoveries):
            await asyncio.to_thread(private.dispatch, third)
        assert rig.row("r").status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED"


async def test_loop_can_use_threads_after_the_host_has_stopped(sqlite: Database) -> None:
    async with Rig(sqlite):
        pass
    assert await asyncio.to_thread(Path.exists, Path("/"))


async def test_ends_of_runs_are_stamped_to_the_millisecond(database: Database) -> None:
    async def body(_payload: Any) -> None:
        return None

    async with Rig(database) as rig:
        rig.body = body
        stamps: list[int] = []
        for number in range(3):
            rig.enqueue(f"run{number}")
            await (await rig.start(f"run{number}"))
            row = rig.row(f"run{number}")
            assert row.started_at is not None
            assert row.completed_at is not None
            assert -50 <= row.completed_at - row.started_at < 1000 * 10
            stamps.append(row.completed_at % 1000)
        assert any(stamps)  # all three on a full second: one chance in a thousand million


async def test_delayed_run_is_moved_and_let_go(database: Database) -> None:
    async with Rig(database) as rig:
        rig.enqueue("a", delay_s=3600.0)
        rig.enqueue("b")
        with rig.pool_with_schema.begin() as connection:
            assert dbos_rows.is_delayed(connection, "a")
            assert not dbos_rows.is_delayed(connection, "b")
            assert not dbos_rows.is_delayed(connection, "nobody")
            dbos_rows.delay_until(connection, "a", 4_000_000_000_000)
            dbos_rows.delay_until(connection, "b", 4_000_000_000_000)  # it is not delayed
        assert rig.next_delayed_ms() == 4_000_000_000_000
        assert [run.run_id for run in await asyncio.to_thread(private.claim, "q", 5)] == ["b"]
        with rig.pool_with_schema.begin() as connection:
            dbos_rows.end_delay(connection, "a")
            dbos_rows.end_delay(connection, "b")  # it executes, and is left alone
        assert [run.run_id for run in await asyncio.to_thread(private.claim, "q", 5)] == ["a"]
        assert rig.row("b").status == "PENDING"


async def test_copied_steps_are_those_of_a_run_with_a_history(database: Database) -> None:
    async with Rig(database) as rig:

        async def body(_: object) -> None:
            for number in (1, 2, 3):
                await private.reserve_step(number).run_async({"name": f"s{number}"}, one)

        async def one() -> int:
            return 1

        rig.body = body
        rig.enqueue("a")
        await (await rig.start("a"))
        rig.enqueue("b")
        with rig.pool_with_schema.begin() as connection:
            dbos_rows.copy_steps(connection, "a", "b", [1, 3])
            copied, original = (
                dbos_rows.step_rows(connection, "b"),
                dbos_rows.step_rows(connection, "a"),
            )
        assert copied == [original[0], original[2]]
        assert rig.recorded("b") == {"s1": 1, "s3": 3}
        [claimed] = await asyncio.to_thread(private.claim, "q", 5)
        assert not claimed.is_first
