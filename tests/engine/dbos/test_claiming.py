"""Claiming does with the installed version of DBOS what its own claim does."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
import sqlalchemy as sa
from dbos._queue import Queue

from engine import Database
from engine.dbos import claiming, private
from engine.dbos.host import APPLICATION_VERSION
from tests.engine.dbos.rig import Rig
from tests.support.dbos.rows import table_of_runs


async def test_claim_takes_at_most_the_limit_in_order_of_arrival(database: Database) -> None:
    async with Rig(database) as rig:
        for run_id in ("a", "b", "c"):
            rig.enqueue(run_id)
        first = await rig.claim(2)
        assert [claimed.run_id for claimed in first] == ["a", "b"]
        assert all(claimed.is_first for claimed in first)
        assert rig.queues_with_work() == ["q"]
        second = await rig.claim(2)
        assert [claimed.run_id for claimed in second] == ["c"]
        assert rig.queues_with_work() == []


async def test_what_came_at_once_is_claimed_by_id(database: Database) -> None:
    """Ids sort by when they were made: a batch of events has one millisecond for all its runs."""
    ids = [f"{number:02}" for number in range(40)]
    async with Rig(database) as rig:
        for run_id in sorted(ids, key=lambda run_id: run_id[::-1]):
            rig.enqueue(run_id)
        table = table_of_runs()
        with rig.pool_with_schema.begin() as connection:
            connection.execute(sa.update(table).values(created_at=1_000))
        assert [run.run_id for run in await rig.claim(25)] == ids[:25]
        assert [run.run_id for run in await rig.claim(25)] == ids[25:]


async def test_what_a_claim_took_can_be_given_back_by_its_owner_alone(database: Database) -> None:
    async with Rig(database) as rig:
        for run_id in ("a", "b", "c"):
            rig.enqueue(run_id)
        owner = claiming.new_owner()
        await rig.claim(2, owner)
        await rig.claim(1)
        with rig.pool_with_schema.begin() as connection:
            claiming.give_back(connection, claiming.new_owner())
        assert await rig.claim(3) == []
        with rig.pool_with_schema.begin() as connection:
            claiming.give_back(connection, owner, ["b"])
        assert [run.run_id for run in await rig.claim(3)] == ["b"]
        with rig.pool_with_schema.begin() as connection:
            claiming.give_back(connection, owner)
        assert [run.run_id for run in await rig.claim(3)] == ["a"]


async def test_our_claim_leaves_what_that_of_dbos_leaves(database: Database) -> None:
    shape = SimpleNamespace(  # what DBOS reads of a Queue, which cannot be made unregistered
        name="q",
        _concurrency=None,
        _worker_concurrency=1,
        _partition_concurrency=None,
        _partition_worker_concurrency=None,
        _limiter=None,
        _partition_limiter=None,
    )
    async with Rig(database) as rig:
        rig.enqueue("before")
        await rig.claim(1)
        rig.enqueue("ours")
        rig.enqueue("theirs")
        [claimed] = await rig.claim(1)
        await asyncio.to_thread(
            private.system_database().start_queued_workflows,
            cast("Queue", shape),
            "me",
            APPLICATION_VERSION,
            None,
            owner_xid="theirs",
            is_latest_version=False,
        )
        [found] = private.system_database().get_workflow_statuses(["ours"])
        table = table_of_runs()
        with rig.pool_with_schema.connect() as connection:
            query = sa.select(table).where(table.c.workflow_uuid != "before")
            rows = [dict(row) for row in connection.execute(query).mappings()]
    rows.sort(key=lambda row: row["workflow_uuid"])
    assert {name: found.get(name) for name in claimed.status} == claimed.status
    assert "ours" in claimed.status["inputs"]
    assert [row.pop("workflow_uuid") for row in rows] == ["ours", "theirs"]
    assert [row.pop("owner_xid") for row in rows] == [claimed.owner, "theirs"]
    for name in ("created_at", "updated_at", "started_at_epoch_ms", "creator_xid"):
        assert len({row.pop(name, 0) is None for row in rows}) == 1
    assert rows[0] == rows[1]


async def test_run_that_was_started_too_often_is_set_aside(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.dbos.claiming.MAX_RECOVERIES", 1)
    async with Rig(database) as rig:
        rig.enqueue("r")
        for _ in range(2):
            await rig.claim(1)
            with rig.pool_with_schema.begin() as connection:
                claiming.recover(connection, ["me"])  # as after a death
        [third] = await rig.claim(1)
        assert third.started_too_often
        with rig.pool_with_schema.begin() as connection:
            assert not claiming.set_aside(connection, "r", "another's")
            assert claiming.set_aside(connection, "r", third.owner)
        assert rig.row("r").status == "failed"
