"""The test engine: mocks, virtual time, what comes and goes, and tests that cannot be."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from engine import (
    Batch,
    CancelOn,
    Cron,
    Event,
    EventData,
    FailureContext,
    JobContext,
    NonRetriable,
    On,
    RetryAfter,
    RetryPolicy,
    RunFailed,
    StepFailed,
    StepInfo,
    Timeouts,
    job,
)
from engine.testing import After, BadTest, Signal, TestEngine
from tests.engine.things import Asked, Notes, Withdrawn


class Approved(EventData, event="test/approved"):
    question_id: str
    by: str = "nobody"


class Reply(BaseModel):
    text: str
    tokens: int = 0


async def ask(text: str) -> Reply:
    raise AssertionError(f"the real thing was called with {text!r}")


@job("answer", on=Asked, retries=RetryPolicy(max_attempts=3, randomize=False))
async def answer(ctx: JobContext[Asked]) -> Reply:
    first = await ctx.step.run("ask", ask, ctx.event.data.text)
    return Reply(text=first.text.upper(), tokens=first.tokens + 1)


async def test_mocked_step_gives_its_value_as_the_type_of_the_step() -> None:
    mocks: list[object] = [Reply(text="hi", tokens=1), {"text": "hi", "tokens": 1}]
    for mock in mocks:
        outcome = await TestEngine(answer, event=Asked(), steps={"ask": mock}).execute()
        assert outcome.result == Reply(text="HI", tokens=2)
        assert outcome.steps["ask"].result == {"text": "hi", "tokens": 1}


async def test_mocked_exception_is_raised_at_each_attempt_with_backoff_in_virtual_time() -> None:
    t = TestEngine(answer, event=Asked(), steps={"ask": ConnectionError("down")})
    outcome = await t.execute()
    assert outcome.status == "failed"
    assert isinstance(outcome.error, RunFailed)
    assert (outcome.error.name, outcome.error.step_id) == ("ConnectionError", "ask")
    assert outcome.steps["ask"].attempts == 3
    assert outcome.took == timedelta(seconds=1 + 2)


async def test_mocked_function_sees_the_attempt() -> None:
    def flaky(step: StepInfo) -> object:
        return Reply(text=f"{step.attempt}") if step.attempt else RetryAfter("wait", "1h")

    outcome = await TestEngine(answer, event=Asked(), steps={"ask": flaky}).execute()
    assert outcome.result == Reply(text="1", tokens=1)
    assert [tried.error_name for tried in outcome.steps["ask"].failed] == ["RetryAfter"]
    assert outcome.took == timedelta(hours=1)


async def test_mock_of_a_loop_stands_for_each_time_or_for_one() -> None:
    async def real() -> str:
        return "real"

    @job("loop", on=Asked)
    async def loop(ctx: JobContext[Asked]) -> list[str]:
        return [await ctx.step.run("turn", real) for _ in range(3)]

    every = await TestEngine(loop, event=Asked(), steps={"turn": "all"}).execute()
    assert every.result == ["all"] * 3
    one = await TestEngine(loop, event=Asked(), steps={"turn:1": "one"}).execute()
    assert one.result == ["real", "one", "real"]


async def test_mock_that_is_not_what_the_step_returns_is_a_mistake_of_the_test() -> None:
    with pytest.raises(BadTest, match="mock of step 'ask'"):
        await TestEngine(answer, event=Asked(), steps={"ask": {"tokens": 1}}).execute()


async def test_sleeps_take_virtual_time_only() -> None:
    @job("sleepy", on=Asked)
    async def sleepy(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("week", "1w")
        await ctx.step.sleep_until("date", datetime(2026, 3, 1, tzinfo=UTC))
        await ctx.step.sleep("mocked", "1d")

    began = asyncio.get_running_loop().time()
    start = datetime(2026, 2, 1, tzinfo=UTC)
    t = TestEngine(sleepy, event=Asked(), steps={"mocked": None}, start_at=start)
    outcome = await t.execute()
    assert (outcome.started_at, outcome.ended_at) == (start, datetime(2026, 3, 1, tzinfo=UTC))
    assert asyncio.get_running_loop().time() - began < 2


async def test_branches_share_one_time() -> None:
    @job("branches", on=Asked)
    async def branches(ctx: JobContext[Asked]) -> list[str]:
        woke: list[str] = []

        def branch(name: str, *naps: str) -> Callable[[], Any]:
            async def sleeper() -> None:
                for number, nap in enumerate(naps):
                    await ctx.step.sleep("nap", nap)
                    woke.append(f"{name}{number}")

            return sleeper

        await ctx.step.parallel(branch("a", "2h", "2h"), branch("b", "1h", "2h"), branch("c", "5h"))
        return woke

    outcome = await TestEngine(branches, event=Asked()).execute()
    assert outcome.result == ["b0", "a0", "b1", "a1", "c0"]
    assert outcome.took == timedelta(hours=5)


async def test_time_stands_still_while_a_step_executes() -> None:
    @job("busy", on=Asked)
    async def busy(ctx: JobContext[Asked]) -> str:
        async def work() -> str:
            await asyncio.sleep(0.05)  # real
            return "worked"

        async def nap() -> str:
            await ctx.step.sleep("nap", "1ms")
            return "slept"

        return await ctx.step.race("who", lambda: ctx.step.run("work", work), nap)

    assert (await TestEngine(busy, event=Asked()).execute()).result == "worked"


@job("approval", on=Asked, cancel_on=[CancelOn(Withdrawn, match="data.questionId")])
async def approval(ctx: JobContext[Asked]) -> str:
    await ctx.step.sleep("think", "1h")
    found = await ctx.step.wait_for_event(
        "approval", Approved, match="data.questionId", timeout="1d"
    )
    return "timeout" if found is None else found.data.by


async def test_event_answers_the_first_wait_that_it_fits() -> None:
    events = [Approved(question_id="other", by="eve"), Approved(question_id="q1", by="bob")]
    outcome = await TestEngine(approval, event=Asked(), events=events).execute()
    assert (outcome.result, outcome.took) == ("bob", timedelta(hours=1))


async def test_event_that_comes_later_counts_when_it_comes() -> None:
    bob = Approved(question_id="q1", by="bob")
    in_time = TestEngine(approval, event=Asked(), events=[After("5h", bob)])
    outcome = await in_time.execute()
    assert (outcome.result, outcome.took) == ("bob", timedelta(hours=5))
    before_the_wait = TestEngine(approval, event=Asked(), events=[After("1m", bob)])
    outcome = await before_the_wait.execute()
    assert (outcome.result, outcome.took) == ("bob", timedelta(hours=1))
    too_late = TestEngine(approval, event=Asked(), events=[After("26h", bob)])
    outcome = await too_late.execute()
    assert (outcome.result, outcome.took) == ("timeout", timedelta(hours=25))


@pytest.mark.parametrize("mock", [Approved(question_id="q1", by="eve"), None])
async def test_wait_can_be_mocked(mock: Approved | None) -> None:
    outcome = await TestEngine(approval, event=Asked(), steps={"approval": mock}).execute()
    assert outcome.result == ("timeout" if mock is None else "eve")
    assert outcome.took == timedelta(hours=25 if mock is None else 1)


async def test_later_event_cancels_the_run_as_cancel_on_says() -> None:
    events = [
        After("10m", Withdrawn(question_id="other")),
        After("20m", Withdrawn(question_id="q1")),
    ]
    outcome = await TestEngine(approval, event=Asked(), events=events).execute()
    assert (outcome.status, outcome.result) == ("cancelled", None)
    assert outcome.took == timedelta(minutes=20)
    assert list(outcome.steps) == ["think"]


async def test_run_is_cancelled_at_its_finish_timeout_and_its_handler_is_not() -> None:
    async def clean(ctx: FailureContext[Asked]) -> None:
        await ctx.step.sleep("clean", "1d")

    @job("slow", on=Asked, timeouts=Timeouts(finish="30m"), on_failure=clean, retries=0)
    async def slow(ctx: JobContext[Asked]) -> None:
        if ctx.event.data.text == "fail":
            raise NonRetriable("no")
        await ctx.step.sleep("long", "1h")

    outcome = await TestEngine(slow, event=Asked()).execute()
    assert (outcome.status, outcome.took) == ("cancelled", timedelta(minutes=30))
    outcome = await TestEngine(slow, event=Asked(text="fail")).execute()
    assert outcome.status == "failed"
    assert outcome.on_failure is not None
    assert outcome.on_failure.status == "completed"
    assert outcome.on_failure.took == timedelta(days=1)


async def test_signals_come_as_data_or_later_or_mocked() -> None:
    @job("signalled", on=Asked)
    async def signalled(ctx: JobContext[Asked]) -> Any:
        return await ctx.step.wait_for_signal("w", "task/1", timeout="1d")

    kept = TestEngine(signalled, event=Asked(), events=[Signal("task/1", {"n": 1})])
    assert (await kept.execute()).result == {"n": 1}
    later = TestEngine(signalled, event=Asked(), events=[After("2h", Signal("task/1", "late"))])
    assert (await later.execute()).took == timedelta(hours=2)
    mocked = TestEngine(signalled, event=Asked(), steps={"w": [1, 2]})
    assert (await mocked.execute()).result == [1, 2]


async def test_wait_for_what_never_comes_is_a_mistake_of_the_test() -> None:
    @job("forever", on=Asked)
    async def forever(ctx: JobContext[Asked]) -> None:
        with suppress(Exception):  # a job that swallows everything
            await ctx.step.wait_for_event("approval", Approved)

    with pytest.raises(BadTest, match="'approval' waits for event 'test/approved'"):
        await TestEngine(forever, event=Asked()).execute()


@job("child", on="child/asked", retries=0)
async def child(ctx: JobContext[dict[str, int]]) -> int:
    await ctx.step.sleep("nap", "1h")
    if ctx.event.data["n"] < 0:
        raise NonRetriable("negative")
    return ctx.event.data["n"] * 2


@job("parent", on=Asked)
async def parent(ctx: JobContext[Asked]) -> str:
    try:
        return str(await ctx.step.invoke("child", child, {"n": int(ctx.event.data.text)}))
    except StepFailed as failed:
        return f"{failed.name} {failed.message}"


async def test_invoke_is_mocked_or_the_child_really_runs() -> None:
    mocked = await TestEngine(parent, event=Asked(text="4"), steps={"child": 7}).execute()
    assert (mocked.result, mocked.took) == ("7", timedelta(0))
    failing = {"child": ValueError("broken")}
    failed = await TestEngine(parent, event=Asked(text="4"), steps=failing).execute()
    assert failed.result == "RunFailed broken"
    real = await TestEngine(parent, event=Asked(text="4"), jobs=[child]).execute()
    assert (real.result, real.took) == ("8", timedelta(hours=1))
    real = await TestEngine(parent, event=Asked(text="-4"), jobs=[child]).execute()
    assert real.result == "RunFailed negative"
    with pytest.raises(BadTest, match="'child' is invoked: mock the step"):
        await TestEngine(parent, event=Asked(text="4")).execute()


async def test_cancel_of_a_parent_reaches_the_child() -> None:
    notes = Notes()

    @job("nap", on="nap", retries=0)
    async def nap(ctx: JobContext[dict[str, int]]) -> None:
        try:
            await ctx.step.sleep("nap", "1h")
        finally:
            notes.write("interrupted")

    @job("boss", on=Asked, cancel_on=[CancelOn(Withdrawn)])
    async def boss(ctx: JobContext[Asked]) -> None:
        await ctx.step.invoke("child", nap, {})

    t = TestEngine(boss, event=Asked(), jobs=[nap], events=[After(1, Withdrawn(question_id="q"))])
    assert (await t.execute()).status == "cancelled"
    assert notes.lines == ["interrupted"]


async def test_sent_events_are_seen_and_sending_can_be_mocked() -> None:
    @job("sender", on=Asked)
    async def sender(ctx: JobContext[Asked]) -> None:
        try:
            await ctx.step.send_event("tell", [Withdrawn(question_id="a"), Event("x", {"n": 1})])
        except StepFailed:
            await ctx.step.send_event("tell", Event("spare"))

    outcome = await TestEngine(sender, event=Asked()).execute()
    assert [(event.name, event.data) for event in outcome.sent] == [
        ("test/withdrawn", {"questionId": "a"}),
        ("x", {"n": 1}),
    ]

    def away_once(step: StepInfo) -> object:
        return [] if step.step_id == "tell:1" else ConnectionError()

    outcome = await TestEngine(sender, event=Asked(), steps={"tell": away_once}).execute()
    assert outcome.sent == ()
    assert list(outcome.steps) == ["tell", "tell:1"]


async def test_execute_step_stops_there() -> None:
    notes = Notes()

    async def note(line: str) -> str:
        notes.write(line)
        return line

    @job("three", on=Asked, retries=0)
    async def three(ctx: JobContext[Asked]) -> None:
        for name in ("a", "b", "c"):
            await ctx.step.run(name, note, name)
        if ctx.event.data.text:
            raise NonRetriable("bad end")

    record = await TestEngine(three, event=Asked()).execute_step("b")
    assert (record.result, record.error, record.attempts) == ("b", None, 1)
    assert notes.lines == ["a", "b"]
    assert (await TestEngine(three, event=Asked(text="x")).execute_step("c")).result == "c"
    with pytest.raises(BadTest, match="completed without step 'd'; its steps: a, b, c"):
        await TestEngine(three, event=Asked()).execute_step("d")


async def test_execute_step_gives_the_failure_of_a_step() -> None:
    t = TestEngine(answer, event=Asked(), steps={"ask": ConnectionError("down")})
    record = await t.execute_step("ask")
    assert isinstance(record.error, StepFailed)
    assert (record.error.name, record.attempts) == ("ConnectionError", 3)


async def test_failure_handler_sees_the_run_that_failed() -> None:
    async def tell(ctx: FailureContext[Asked]) -> None:
        async def write() -> None:
            ctx.need(Notes).write(f"{ctx.run_id} {ctx.error.name} {ctx.error.step_id}")

        await ctx.step.run("write", write)

    @job("fails", on=Asked, retries=0, on_failure=tell)
    async def fails(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("ask", ask, "x")

    notes = Notes()
    outcome = await TestEngine(fails, event=Asked(), provide=[notes]).execute()
    assert outcome.on_failure is not None
    assert list(outcome.on_failure.steps) == ["write"]
    assert notes.lines == ["fails:test AssertionError ask"]


async def test_event_that_starts_nothing_is_a_mistake_of_the_test() -> None:
    @job("picky", on=[On(Asked, when="event.data.text == 'go'"), Cron("0 9 * * *")])
    async def picky(ctx: JobContext[Any]) -> str:
        return ctx.event.name

    assert (await TestEngine(picky, event=Asked(text="go")).execute()).result == "test/asked"
    assert (await TestEngine(picky).execute()).result == "engine/cron:picky"
    with pytest.raises(BadTest, match="does not start job 'picky'"):
        await TestEngine(picky, event=Asked(text="stop")).execute()
    with pytest.raises(BadTest, match="needs an `event`"):
        await TestEngine(answer).execute()


async def test_each_execution_starts_afresh() -> None:
    t = TestEngine(answer, event=Asked(), steps={"ask": Reply(text="hi")})
    first, second = await t.execute(), await t.execute()
    assert first.steps["ask"] == second.steps["ask"]
    assert first.steps is not second.steps


async def test_several_events_are_a_batch() -> None:
    @job("batched", on=Asked, batch=Batch(max_size=3, timeout="1m"))
    async def batched(ctx: JobContext[Asked]) -> list[str]:
        return [event.data.text for event in ctx.events]

    outcome = await TestEngine(batched, event=[Asked(text="a"), Asked(text="b")]).execute()
    assert outcome.result == ["a", "b"]
    with pytest.raises(BadTest, match="takes one event"):
        await TestEngine(answer, event=[Asked(), Asked()]).execute()
