"""Which tool calls of one turn may run side by side, and which wait for which."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from tools.place import Touches
from tools.workspace.paths import folded, is_within
from tools.workspace.port import RelPath

R = TypeVar("R")


def waits_for(touches: Sequence[Touches]) -> list[list[int]]:
    """For each call, the earlier calls that it must not overtake.

    Two calls conflict if one writes what the other reads or writes; a folder stands for all below
    it. Paths that differ in case only count as one, since on some disks they are.
    """
    return [
        [earlier for earlier in range(later) if _conflict(touches[earlier], touches[later])]
        for later in range(len(touches))
    ]


async def run_in_order(
    touches: Sequence[Touches], run: Callable[[int], Awaitable[R]], *, at_once: int
) -> list[R]:
    """Run call 0, 1, … as early as `waits_for` allows, at most `at_once` at a time.

    The results are in the order of the calls. The first call that raises ends the others, and what
    it raised comes out as it is.
    """
    waiting_for = waits_for(touches)
    done = [asyncio.Event() for _ in touches]
    results: dict[int, R] = {}
    free = asyncio.Semaphore(at_once)

    async def run_one(index: int) -> None:
        for earlier in waiting_for[index]:
            await done[earlier].wait()
        async with free:
            try:
                results[index] = await run(index)
            except asyncio.CancelledError as cancelled:
                raise _Cancelled from cancelled
        done[index].set()

    failure: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for index in range(len(touches)):
                group.create_task(run_one(index))
    except BaseExceptionGroup as failures:
        failure = failures.exceptions[0]
    if failure is not None:
        if isinstance(failure, _Cancelled):
            raise asyncio.CancelledError
        raise failure  # outside of the `except`, so that its own cause stays
    return [results[index] for index in range(len(touches))]


class _Cancelled(BaseException):
    """A call was cancelled from within, by whoever runs steps; a task group would overlook it."""


def _conflict(one: Touches, other: Touches) -> bool:
    return (
        _overlap(one.writes, other.writes)
        or _overlap(one.writes, other.reads)
        or _overlap(one.reads, other.writes)
    )


def _overlap(some: frozenset[RelPath], others: frozenset[RelPath]) -> bool:
    return any(
        is_within(a, b) or is_within(b, a) for a in map(folded, some) for b in map(folded, others)
    )
