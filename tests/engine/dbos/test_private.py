"""The private names of DBOS do in the installed version what the engine takes them for."""

import asyncio
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS

from engine import Database
from engine.dbos import claiming, dbos_rows, private
from engine.dbos.host import Enqueued
from tests.engine.dbos.rig import Rig


async def test_rolled_back_enqueue_leaves_nothing(database: Database) -> None:
    async with Rig(database) as rig:
        with rig.pool.connect() as connection:
            transaction = connection.begin()
            rig.host.enqueue(connection, Enqueued("a", "q", {}))
            transaction.rollback()
        assert await rig.claim(2) == []


async def test_runs_of_this_process_go_back_to_their_queue_before_launch(
    database: Database,
) -> None:
    async with Rig(database) as rig:
        rig.enqueue("a")
        rig.enqueue("b")
        await rig.claim(1)
        private.recover_own(rig.pool, "another")
        assert rig.row("a").status == "running"
        private.recover_own(rig.pool, "me")
        assert rig.row("a").status == "queued"
        again = await rig.claim(2)
        assert [(run.run_id, run.is_first) for run in again] == [("a", False), ("b", True)]


async def test_cancel_in_our_transaction_fences_the_run(database: Database) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def body(_: dict[str, Any]) -> None:
        entered.set()
        await go.wait()

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
            assert dbos_rows.hold_active(connection, ["r", "unknown"]) == ["r"]
            dbos_rows.cancel(connection, ["r"])
            assert not dbos_rows.owns(connection, "r")
            assert not dbos_rows.holds(connection, "r")
            assert dbos_rows.hold_active(connection, ["r"]) == []
        go.set()
        await asyncio.wait({task}, timeout=3)
        row = rig.row("r")
        assert (row.status, row.output) == ("cancelled", None)


async def test_run_goes_on_without_a_claim_that_it_was_taken_from(database: Database) -> None:
    async with Rig(database) as rig:
        rig.enqueue("r")

        def goes_on_without(owner: str) -> bool:
            with rig.pool_with_schema.connect() as connection:
                return dbos_rows.goes_on_without(connection, "r", owner)

        [first] = await rig.claim(1)
        assert not goes_on_without(first.owner)
        with rig.pool_with_schema.begin() as connection:
            claiming.recover(connection, ["me"])
        assert goes_on_without(first.owner)
        [second] = await rig.claim(1)  # by the same process
        assert goes_on_without(first.owner)
        assert not goes_on_without(second.owner)
        with rig.pool_with_schema.begin() as connection:
            dbos_rows.cancel(connection, ["r"])
        assert not goes_on_without(first.owner)


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
        await rig.claim(1)
        with rig.pool_with_schema.begin() as connection:
            assert claiming.hand_over(connection, ["r", "unknown"]) == ["q"]
            assert claiming.hand_over(connection, ["r"]) == []  # it waits already
        [again] = await rig.claim(1)
        assert not again.is_first
        with rig.pool_with_schema.begin() as connection:
            assert dbos_rows.executors_besides(connection, ["me"]) == []
            assert dbos_rows.executors_besides(connection, ["other"]) == ["me"]
            assert claiming.recover(connection, ["me"]) == ["q"]
        assert [run.run_id for run in await rig.claim(1)] == ["r"]


async def test_delayed_run_is_released_when_due(database: Database) -> None:
    async with Rig(database) as rig:
        rig.enqueue("later", delay_s=60)
        rig.enqueue("soon", delay_s=0.05)
        assert rig.row("soon").status == "scheduled"
        next_ms = rig.next_delayed_ms()
        assert next_ms is not None
        async with asyncio.timeout(3):
            while rig.queues_with_work() == []:
                await asyncio.sleep(0.02)
                private.release_delayed()
                later_ms = rig.next_delayed_ms()
                assert later_ms is not None
                assert later_ms >= next_ms


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
            assert row.ended_at is not None
            assert -50 <= row.ended_at - row.started_at < 1000 * 10
            stamps.append(row.ended_at % 1000)
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
        assert [run.run_id for run in await rig.claim(5)] == ["b"]
        with rig.pool_with_schema.begin() as connection:
            dbos_rows.end_delay(connection, "a")
            dbos_rows.end_delay(connection, "b")  # it executes, and is left alone
        assert [run.run_id for run in await rig.claim(5)] == ["a"]
        assert rig.row("b").status == "running"


async def test_copied_steps_are_those_of_a_run_with_a_history(database: Database) -> None:
    async with Rig(database) as rig:

        async def body(_: object) -> None:
            for number in (1, 2, 3):
                rig.record(number, f"s{number}", 1)

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
        [claimed] = await rig.claim(5)
        assert not claimed.is_first
