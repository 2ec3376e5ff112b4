"""Threads that take turns between queues."""

import asyncio
import threading
from collections.abc import Generator

import pytest

from engine.storage.pools import SharedPool


@pytest.fixture
def pool() -> Generator[SharedPool]:
    found = SharedPool(1, "test")
    yield found
    found.close()


async def test_one_call_is_not_behind_a_crowd_in_another_queue(pool: SharedPool) -> None:
    crowd, single = pool.queue(), pool.queue()
    gate, order = threading.Event(), list[str]()
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.run(gate.wait))
        for number in range(50):
            group.create_task(crowd.run(lambda number=number: order.append(f"crowd {number}")))
        await asyncio.sleep(0.01)
        group.create_task(single.run(lambda: order.append("single")))
        await asyncio.sleep(0.01)
        gate.set()
    assert order.index("single") <= 1
    assert [line for line in order if line != "single"] == [f"crowd {n}" for n in range(50)]


async def test_an_error_reaches_who_asked_and_the_next_is_served(pool: SharedPool) -> None:
    queue = pool.queue()
    with pytest.raises(ZeroDivisionError):
        await queue.run(lambda: 1 // 0)
    assert await queue.run(lambda: 7) == 7


async def test_what_has_not_begun_is_dropped_with_who_asked_and_what_has_is_finished(
    pool: SharedPool,
) -> None:
    queue, gate, done = pool.queue(), threading.Event(), list[str]()

    def first() -> None:
        gate.wait()
        done.append("first")

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(queue.run(work)) for work in (first, lambda: done.append("second"))
        ]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
    gate.set()
    assert await queue.run(lambda: "third") == "third"
    assert done == ["first"]
