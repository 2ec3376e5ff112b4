"""Replaying a failed run from its failed step; running again from a given one."""

import asyncio

import pytest

from engine import (
    BadEvent,
    Batch,
    CannotReplay,
    Engine,
    FailureContext,
    JobContext,
    NonRetriable,
    NoSuchRun,
    NoSuchStep,
    StepFailed,
    job,
)
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes, until_waiting
from tests.support.waiting import until


class Shop:
    """A shop whose payments fail while it is closed."""

    def __init__(self) -> None:
        self.is_open = False
        self.did: list[str] = []

    async def do(self, what: str) -> str:
        if what == "pay" and not self.is_open:
            raise NonRetriable("closed")
        self.did.append(what)
        return what


@job("order", on=Asked, retries=0)
async def order(ctx: JobContext[Asked]) -> str:
    shop = ctx.need(Shop)
    await ctx.step.run("reserve", shop.do, "reserve")
    try:
        await ctx.step.run("pay", shop.do, "pay")
    except StepFailed:
        await ctx.step.run("release", shop.do, "release")
        raise
    await ctx.step.run("ship", shop.do, "ship")
    return ctx.event.data.text


async def failed_order(engine: Engine) -> str:
    sent = await engine.send(Asked(text="book"), event_id="e")
    assert (await engine.wait(sent.run_ids[0], 5)).status == "failed"
    return sent.run_ids[0]


async def test_replay_goes_on_from_the_failed_step(start: Start) -> None:
    shop = Shop()
    engine = await start([order], provide=[shop])
    run_id = await failed_order(engine)
    assert shop.did == ["reserve", "release"]
    shop.is_open = True
    again = await engine.replay(run_id)
    assert await engine.result(again, 5) == "book"
    assert shop.did == ["reserve", "release", "pay", "ship"]
    assert [step.step_id for step in await engine.steps(again)] == ["reserve", "pay", "ship"]
    assert (await engine.run(run_id)).status == "failed"


async def test_replay_that_fails_again_rolls_back_again(start: Start) -> None:
    shop = Shop()
    engine = await start([order], provide=[shop])
    again = await engine.replay(await failed_order(engine))
    assert (await engine.wait(again, 5)).status == "failed"
    assert shop.did == ["reserve", "release", "release"]
    shop.is_open = True
    assert await engine.result(await engine.replay(again), 5) == "book"


async def test_replay_is_no_answer_to_a_duplicate_of_the_event(start: Start) -> None:
    engine = await start([order], provide=[Shop()])
    run_id = await failed_order(engine)
    await engine.replay(run_id)
    assert (await engine.send(Asked(text="book"), event_id="e")).run_ids == (run_id,)


async def test_replay_runs_the_body_again_where_it_was_the_body_that_failed(start: Start) -> None:
    shop = Shop()

    @job("body", on=Asked, retries=0)
    async def body(ctx: JobContext[Asked]) -> str:
        found = await ctx.step.run("reserve", shop.do, "reserve")
        if not shop.is_open:
            raise NonRetriable("closed")
        return found

    engine = await start([body])
    sent = await engine.send(Asked())
    assert (await engine.wait(sent.run_ids[0], 5)).status == "failed"
    shop.is_open = True
    assert await engine.result(await engine.replay(sent.run_ids[0]), 5) == "reserve"
    assert shop.did == ["reserve"]


async def test_replay_of_a_step_that_failed_behind_another_error_runs_it_again(
    start: Start,
) -> None:
    shop = Shop()

    @job("wrapped", on=Asked, retries=0)
    async def wrapped(ctx: JobContext[Asked]) -> str:
        await ctx.step.run("reserve", shop.do, "reserve")
        try:
            return await ctx.step.run("pay", shop.do, "pay")
        except StepFailed as error:
            raise NonRetriable("no money") from error

    engine = await start([wrapped])
    sent = await engine.send(Asked())
    assert (await engine.wait(sent.run_ids[0], 5)).status == "failed"
    shop.is_open = True
    assert await engine.result(await engine.replay(sent.run_ids[0]), 5) == "pay"
    assert shop.did == ["reserve", "pay"]


async def test_replay_keeps_what_parallel_branches_had_done(start: Start) -> None:
    shop = Shop()

    @job("wide", on=Asked, retries=0)
    async def wide(ctx: JobContext[Asked]) -> list[str]:
        async def left() -> str:
            await ctx.step.run("one", shop.do, "left")
            await ctx.step.wait_for_signal("gate", "gate", timeout="5s")
            return await ctx.step.run("pay", shop.do, "pay")

        async def right() -> str:
            return await ctx.step.run("one", shop.do, "right")

        return await ctx.step.parallel(left, right)

    engine = await start([wide])
    sent = await engine.send(Asked())
    await until(lambda: sorted(shop.did) == ["left", "right"])
    async with asyncio.timeout(5):
        while not await engine.send_signal("gate"):  # noqa: ASYNC110 - until it waits
            await asyncio.sleep(0.005)
    assert (await engine.wait(sent.run_ids[0], 5)).status == "failed"
    shop.is_open = True
    assert await engine.result(await engine.replay(sent.run_ids[0]), 5) == ["pay", "right"]
    assert sorted(shop.did) == ["left", "pay", "right"]


async def test_cancelled_run_replays_from_where_it_was(start: Start) -> None:
    notes = Notes()

    @job("stopped", on=Asked)
    async def stopped(ctx: JobContext[Asked]) -> str:
        async def once() -> str:
            notes.write("once")
            return "x"

        await ctx.step.run("once", once)
        return await ctx.step.wait_for_signal("go", "go", timeout="8s")

    engine = await start([stopped])
    sent = await engine.send(Asked())
    await until_waiting(engine, sent.run_ids[0])  # so that the step is recorded
    await engine.cancel(sent.run_ids[0])
    again = await engine.replay(sent.run_ids[0])
    async with asyncio.timeout(5):
        while not await engine.send_signal("go", "done"):  # noqa: ASYNC110 - until it waits
            await asyncio.sleep(0.005)
    assert await engine.result(again, 5) == "done"
    assert notes.lines == ["once"]


async def test_failed_batch_replays_with_all_its_events(start: Start) -> None:
    shop = Shop()

    @job("batched", on=Asked, retries=0, batch=Batch(2, "30s"))
    async def batched(ctx: JobContext[Asked]) -> str:
        await ctx.step.run("pay", shop.do, "pay")
        return "".join(event.data.text for event in ctx.events)

    engine = await start([batched])
    sent = await engine.send_many([Asked(text="a"), Asked(text="b")])
    assert (await engine.wait(sent[0].run_ids[0], 5)).status == "failed"
    shop.is_open = True
    assert await engine.result(await engine.replay(sent[0].run_ids[0]), 5) == "ab"


async def test_rerun_repeats_from_the_given_step_or_from_the_start(start: Start) -> None:
    shop = Shop()
    shop.is_open = True
    engine = await start([order], provide=[shop])
    sent = await engine.send(Asked(text="book"))
    await engine.result(sent.run_ids[0], 5)
    shop.did.clear()
    partly = await engine.rerun(sent.run_ids[0], from_step_id="pay")
    assert await engine.result(partly, 5) == "book"
    assert shop.did == ["pay", "ship"]
    shop.did.clear()
    whole = await engine.rerun(sent.run_ids[0])
    assert await engine.result(whole, 5) == "book"
    assert shop.did == ["reserve", "pay", "ship"]


async def test_what_cannot_be_repeated_says_why(start: Start) -> None:
    async def handle(_: FailureContext[Asked]) -> None:
        """Nothing."""

    @job("plain", on=Asked, retries=0, on_failure=handle)
    async def plain(ctx: JobContext[Asked]) -> None:
        if ctx.event.data.text == "wait":
            await ctx.step.wait_for_signal("go", "go")
        if ctx.event.data.text == "fail":
            raise NonRetriable("no")

    engine = await start([plain])
    with pytest.raises(NoSuchRun):
        await engine.replay("nothing")
    good, bad, waiting = await engine.send_many(
        [Asked(text=text) for text in ("fine", "fail", "wait")]
    )
    await engine.wait(good.run_ids[0], 5)
    with pytest.raises(CannotReplay, match="completed"):
        await engine.replay(good.run_ids[0])
    with pytest.raises(NoSuchStep, match="'pay'"):
        await engine.rerun(good.run_ids[0], from_step_id="pay")
    with pytest.raises(CannotReplay, match="wait for its end"):
        await engine.rerun(waiting.run_ids[0])
    await engine.wait(bad.run_ids[0], 5)
    handler = f"{bad.run_ids[0]}:on-failure"
    await engine.wait(handler, 5)
    with pytest.raises(CannotReplay, match="replay that one"):
        await engine.rerun(handler)


async def test_a_run_is_repeated_once_however_often_that_is_asked_for(start: Start) -> None:
    shop = Shop()
    engine = await start([order], provide=[shop])
    run_id = await failed_order(engine)
    shop.is_open = True
    asked = [engine.replay(run_id, once=True) for _ in range(3)]
    assert len(set(await asyncio.gather(*asked))) == 1
    [again] = {await engine.replay(run_id, once=True)}
    assert await engine.result(again, 5) == "book"
    assert shop.did == ["reserve", "release", "pay", "ship"]
    assert await engine.inspect.replayed([run_id, again]) == {run_id}


async def test_a_run_is_repeated_with_other_data_that_nobody_else_hears(start: Start) -> None:
    notes = Notes()

    @job("listens", on=Asked)
    async def listens(ctx: JobContext[Asked]) -> None:
        notes.write(ctx.event.data.text)

    shop = Shop()
    engine = await start([order, listens], provide=[shop])
    sent = await engine.send(Asked(text="book"), event_id="e", user={"id": "ada"})
    await engine.wait("order:e", 5)
    await engine.wait("listens:e", 5)
    shop.is_open = True
    again = await engine.rerun("order:e", data={"question_id": "q2", "text": "pen"})
    assert await engine.result(again, 5) == "pen"
    detail = await engine.inspect.run(again)
    assert detail.event is not None
    assert (detail.event.name, detail.event.data) == (
        "test/asked",
        {"questionId": "q2", "text": "pen"},
    )
    assert detail.event.id != sent.event_id
    assert (detail.user_id, detail.repeats) == ("ada", "order:e")
    assert (await engine.inspect.event(detail.event.id)).run_ids == (again,)
    assert notes.lines == ["book"]
    assert (await engine.inspect.run("order:e")).info.status == "failed"


async def test_other_data_and_a_step_go_together(start: Start) -> None:
    shop = Shop()
    engine = await start([order], provide=[shop])
    run_id = await failed_order(engine)
    shop.is_open = True
    again = await engine.rerun(run_id, from_step_id="pay", data={"text": "pen"})
    assert await engine.result(again, 5) == "pen"
    assert shop.did == ["reserve", "release", "pay", "ship"]


async def test_data_that_does_not_fit_repeats_nothing(start: Start) -> None:
    engine = await start([order], provide=[Shop()])
    run_id = await failed_order(engine)
    events = (await engine.inspect.events()).items
    for wrong in ({"text": 7}, {"text": float("nan")}):
        with pytest.raises(BadEvent):
            await engine.rerun(run_id, data=wrong)
    assert [run.run_id for run in await engine.runs()] == [run_id]
    assert (await engine.inspect.events()).items == events
