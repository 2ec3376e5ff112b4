import asyncio

import pytest

from agent.schedule import run_in_order, waits_for
from tools.place import Touches
from tools.workspace.port import RelPath


def reads(*paths: str) -> Touches:
    return Touches(reads=frozenset(map(RelPath, paths)))


def writes(*paths: str) -> Touches:
    return Touches(writes=frozenset(map(RelPath, paths)))


@pytest.mark.parametrize(
    ("first", "second", "must_wait"),
    [
        (reads("a"), reads("a"), False),
        (reads("a"), writes("a"), True),
        (writes("a"), reads("a"), True),
        (writes("a"), writes("a"), True),
        (writes("a"), writes("b"), False),
        (writes("src"), reads("src/a.ts"), True),
        (reads("src"), writes("src/a.ts"), True),
        (writes("src"), writes("src2"), False),
        (reads(""), writes("src/a.ts"), True),
        (writes("A.ts"), reads("a.ts"), True),
        (Touches(), writes("a"), False),
    ],
)
def test_calls_wait_where_one_writes_what_the_other_touches(
    first: Touches, second: Touches, must_wait: bool
) -> None:
    assert waits_for([first, second]) == [[], [0] if must_wait else []]


async def test_calls_that_share_nothing_run_side_by_side() -> None:
    both = asyncio.Barrier(2)

    async def run(index: int) -> int:
        await both.wait()
        return index

    assert await run_in_order([writes("a"), writes("b")], run, at_once=2) == [0, 1]


async def test_calls_that_share_a_path_never_overlap_and_keep_their_order() -> None:
    log: list[str] = []

    async def run(index: int) -> None:
        log.append(f"{index} begins")
        await asyncio.sleep(0)
        log.append(f"{index} ends")

    await run_in_order([writes("a"), reads("a"), writes("a")], run, at_once=8)
    assert log == [f"{n} {what}" for n in range(3) for what in ("begins", "ends")]


async def test_no_more_run_at_once_than_allowed() -> None:
    running, most = 0, 0

    async def run(index: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return index

    touches = [writes(f"f{n}") for n in range(20)]
    assert await run_in_order(touches, run, at_once=3) == list(range(20))
    assert most == 3


async def test_a_call_that_is_cancelled_from_within_cancels_them_all() -> None:
    async def run(index: int) -> None:
        if index == 0:
            raise asyncio.CancelledError
        await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        await run_in_order([writes("a"), writes("a"), writes("b")], run, at_once=3)


async def test_a_cancel_from_outside_ends_all_calls() -> None:
    started = asyncio.Event()
    ended: list[int] = []

    async def run(index: int) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(index)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_in_order([writes("a"), writes("b")], run, at_once=3))
        await started.wait()
        task.cancel()
    assert task.cancelled()
    assert sorted(ended) == [0, 1]


async def test_what_one_call_raises_comes_out_as_it_is_and_ends_the_others() -> None:
    ended: list[int] = []

    async def run(index: int) -> None:
        if index == 1:
            raise LookupError("call 1")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(index)

    with pytest.raises(LookupError, match="call 1"):
        await run_in_order([writes("a"), writes("b"), writes("c")], run, at_once=3)
    assert sorted(ended) == [0, 2]
