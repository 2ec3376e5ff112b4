"""The same step id in branches side by side: counted where safe, refused where it is luck."""

import asyncio

import pytest

from engine import JobContext, RunFailed, job
from engine.testing import TestEngine
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked


async def same(value: int) -> int:
    return value


async def two_steps(ctx: JobContext[Asked], first: str, second: str) -> int:
    return await ctx.step.run(first, same, 1) + await ctx.step.run(second, same, 2)


async def test_second_steps_of_raw_branches_with_one_id_are_refused(start: Start) -> None:
    @job("raw", on=Asked)
    async def raw(ctx: JobContext[Asked]) -> None:
        await asyncio.gather(two_steps(ctx, "a", "save"), two_steps(ctx, "b", "save"))

    engine = await start([raw])
    sent = await engine.send(Asked())
    with pytest.raises(RunFailed, match=r"step 'save' is used by two branches .* step\.parallel"):
        await engine.result(sent.run_ids[0], 5)


async def test_first_steps_of_raw_branches_are_counted_in_the_order_they_were_made(
    start: Start,
) -> None:
    @job("fan", on=Asked)
    async def fan(ctx: JobContext[Asked]) -> list[int]:
        return await asyncio.gather(*(ctx.step.run("each", same, number) for number in range(3)))

    engine = await start([fan])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == [0, 1, 2]
    recorded = {step.step_id: step.result for step in await engine.steps(sent.run_ids[0])}
    assert recorded == {"each": 0, "each:1": 1, "each:2": 2}


async def test_branches_one_after_the_other_may_use_the_same_ids() -> None:
    @job("rounds", on=Asked)
    async def rounds(ctx: JobContext[Asked]) -> list[int]:
        found: list[int] = []
        for _ in range(2):
            both = (two_steps(ctx, "a", "b"), two_steps(ctx, "c", "d"))
            found += await asyncio.gather(*both)
        return found

    outcome = await TestEngine(rounds, event=Asked()).execute()
    assert outcome.result == [3, 3, 3, 3]
    assert set(outcome.steps) == {"a", "b", "c", "d", "a:1", "b:1", "c:1", "d:1"}


async def test_branches_may_use_ids_that_the_body_used_before_them() -> None:
    @job("before", on=Asked)
    async def before(ctx: JobContext[Asked]) -> None:
        await two_steps(ctx, "a", "b")
        await asyncio.gather(two_steps(ctx, "x", "a"), two_steps(ctx, "y", "b"))

    outcome = await TestEngine(before, event=Asked()).execute()
    assert outcome.error is None
    assert set(outcome.steps) == {"a", "b", "x", "y", "a:1", "b:1"}


async def test_branch_of_a_branch_may_use_ids_of_the_one_that_made_it() -> None:
    @job("nested", on=Asked)
    async def nested(ctx: JobContext[Asked]) -> None:
        async def outer(name: str) -> None:
            await ctx.step.run(f"{name}-1", same, 1)
            await ctx.step.run(f"{name}-2", same, 1)
            await asyncio.gather(
                two_steps(ctx, f"{name}-left", f"{name}-1"),
                two_steps(ctx, f"{name}-right", f"{name}-2"),
            )

        await asyncio.gather(outer("a"), outer("b"))

    assert (await TestEngine(nested, event=Asked()).execute()).error is None


async def test_later_branch_that_meets_an_id_of_an_earlier_one_still_there_is_refused() -> None:
    @job("late", on=Asked)
    async def late(ctx: JobContext[Asked]) -> None:
        async def slow() -> None:
            await ctx.step.run("shared", same, 1)
            await ctx.step.sleep("nap", "1m")

        async def other() -> None:
            await ctx.step.run("first", same, 1)
            await ctx.step.run("shared", same, 1)

        await asyncio.gather(slow(), other())

    outcome = await TestEngine(late, event=Asked()).execute()
    assert "step 'shared' is used by two branches" in str(outcome.error)


async def test_branches_of_parallel_may_use_the_same_ids() -> None:
    @job("parallel", on=Asked)
    async def parallel(ctx: JobContext[Asked]) -> list[int]:
        return await ctx.step.parallel(*(lambda: two_steps(ctx, "a", "b") for _ in range(2)))

    outcome = await TestEngine(parallel, event=Asked()).execute()
    assert set(outcome.steps) == {"1.0/a", "1.0/b", "1.1/a", "1.1/b"}


async def each_once(ctx: JobContext[Asked], *step_ids: str) -> list[int]:
    """Steps that say which call they are of: none may give the result of another."""
    return [await ctx.step.run(step_id, same, number) for number, step_id in enumerate(step_ids, 1)]


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (("a", "a", "a:1"), ("a", "a:1", "a:1:1")),
        (("a:1", "a", "a", "a"), ("a:1", "a", "a:1:1", "a:2")),
        (("a", "a:1", "a", "a:1", "a"), ("a", "a:1", "a:1:1", "a:1:2", "a:2")),
        (("a:1", "a:1", "a:1:1", "a", "a"), ("a:1", "a:1:1", "a:1:1:1", "a", "a:1:2")),
    ],
)
async def test_id_that_looks_like_a_counted_one_is_a_step_of_its_own(
    start: Start, written: tuple[str, ...], named: tuple[str, ...]
) -> None:
    @job("counted", on=Asked, retries=QUICK)
    async def counted(ctx: JobContext[Asked]) -> list[int]:
        found = await each_once(ctx, *written)
        if ctx.attempt == 0:
            raise ConnectionError("the body runs again, and finds the same names")
        return found

    engine = await start([counted])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == list(range(1, len(written) + 1))
    assert [step.step_id for step in await engine.steps(sent.run_ids[0])] == list(named)


async def test_ids_that_look_like_counted_ones_are_steps_of_their_own_in_branches() -> None:
    @job("branches", on=Asked)
    async def branches(ctx: JobContext[Asked]) -> list[list[int]]:
        one = await each_once(ctx, "1.0/a", "1.0/a")
        in_branches = await ctx.step.parallel(
            *(lambda: each_once(ctx, "a", "a", "a:1") for _ in range(2))
        )
        return [one, *in_branches]

    outcome = await TestEngine(branches, event=Asked()).execute()
    assert outcome.result == [[1, 2], [1, 2, 3], [1, 2, 3]]


async def test_raw_branches_that_may_take_the_same_counted_name_are_refused() -> None:
    @job("raw", on=Asked)
    async def raw(ctx: JobContext[Asked]) -> None:
        await asyncio.gather(each_once(ctx, "a", "a"), each_once(ctx, "b", "a:1"))

    outcome = await TestEngine(raw, event=Asked()).execute()
    assert "is used by two branches" in str(outcome.error)


async def test_first_steps_of_raw_branches_take_free_names() -> None:
    @job("fan", on=Asked)
    async def fan(ctx: JobContext[Asked]) -> list[int]:
        ids = ("a", "a:1", "a", "a:1", "a")
        return await asyncio.gather(
            *(ctx.step.run(step_id, same, number) for number, step_id in enumerate(ids))
        )

    outcome = await TestEngine(fan, event=Asked()).execute()
    assert outcome.result == [0, 1, 2, 3, 4]
    assert set(outcome.steps) == {"a", "a:1", "a:1:1", "a:1:2", "a:2"}
