"""Middleware: what is around sends, runs and steps, in order, and what it may change."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine import (
    BadEvent,
    Database,
    Engine,
    Event,
    EventData,
    FailureContext,
    JobContext,
    Middleware,
    NonRetriable,
    RunCall,
    RunFailed,
    SentEvent,
    StepCall,
    StepFailed,
    job,
)
from engine.middleware import Events, Run, Send, Step
from engine.testing import TestEngine
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Notes
from tests.support.waiting import until


class Told(EventData, event="test/told"):
    text: str


class Writes(Middleware):
    """Notes what goes in and what comes out."""

    def __init__(self, name: str, notes: Notes) -> None:
        self._name = name
        self._notes = notes

    async def on_send(self, events: Events, proceed: Send) -> list[SentEvent]:
        self._notes.write(f"{self._name} sends {[event.name for event in events]}")
        sent = await proceed(events)
        self._notes.write(f"{self._name} sent {len(sent)}")
        return sent

    async def on_run(self, call: RunCall, proceed: Run) -> Any:
        self._notes.write(f"{self._name} runs {call.job_id} {call.attempt}/{call.max_attempts}")
        result = await proceed(call)
        self._notes.write(f"{self._name} ran {result}")
        return result

    async def on_step(self, call: StepCall, proceed: Step) -> Any:
        self._notes.write(f"{self._name} steps {call.kind} {call.step_id} {call.attempt}")
        result = await proceed(call)
        self._notes.write(f"{self._name} stepped {result}")
        return result


@job("doubled", on=Asked)
async def doubled(ctx: JobContext[Asked]) -> str:
    async def twice(text: str) -> str:
        return text * 2

    return await ctx.step.run("twice", twice, ctx.event.data.text)


async def test_first_middleware_is_the_outermost_of_sends_runs_and_steps(start: Start) -> None:
    notes = Notes()
    engine = await start([doubled], middleware=[Writes("a", notes), Writes("b", notes)])
    sent = await engine.send(Asked(text="x"))
    assert await engine.result(sent.run_ids[0], 5) == "xx"
    sends, runs = notes.lines[:4], notes.lines[4:]
    assert sends == ["a sends ['test/asked']", "b sends ['test/asked']", "b sent 1", "a sent 1"]
    assert runs == [
        "a runs doubled 0/5",
        "b runs doubled 0/5",
        "a steps run twice 0",
        "b steps run twice 0",
        "b stepped xx",
        "a stepped xx",
        "b ran xx",
        "a ran xx",
    ]


async def test_middleware_of_a_job_is_inside_that_of_the_engine(start: Start) -> None:
    notes = Notes()

    @job("own", on=Asked, middleware=[Writes("job", notes)])
    async def own(ctx: JobContext[Asked]) -> str:
        return ctx.event.data.text

    engine = await start([own, doubled], middleware=[Writes("engine", notes)])
    first = await engine.send(Asked(text="x"))
    for run_id in first.run_ids:
        await engine.wait(run_id, 5)
    ran = [line for line in notes.lines if line.endswith("runs own 0/5") or "runs doubled" in line]
    assert sorted(ran) == ["engine runs doubled 0/5", "engine runs own 0/5", "job runs own 0/5"]
    assert ran.index("engine runs own 0/5") < ran.index("job runs own 0/5")


class Changes(Middleware):
    """Changes everything that goes in and comes out."""

    async def on_send(self, events: Events, proceed: Send) -> list[SentEvent]:
        return await proceed(
            tuple(
                replace(event, data={**event.data, "text": "sent"}, headers={"tenant": "t1"})
                for event in events
            )
        )

    async def on_run(self, call: RunCall, proceed: Run) -> Any:
        data = Asked(text=call.event.data.text + " given")
        return f"{await proceed(replace(call, event=replace(call.event, data=data)))} returned"

    async def on_step(self, call: StepCall, proceed: Step) -> Any:
        changed = replace(call, args=(f"{call.args[0]} called",))
        return f"{await proceed(changed)} recorded"


async def test_input_and_output_can_be_changed_at_each_place(start: Start) -> None:
    @job("echo", on=Asked)
    async def echo(ctx: JobContext[Asked]) -> str:
        async def same(text: str) -> str:
            return text

        stepped = await ctx.step.run("same", same, ctx.event.data.text)
        return f"[{stepped}] for {ctx.event.headers['tenant']}"

    engine = await start([echo], middleware=[Changes()])
    sent = await engine.send(Asked(text="written"))
    result = await engine.result(sent.run_ids[0], 5)
    assert result == "[sent given called recorded] for t1 returned"
    [step] = await engine.steps(sent.run_ids[0])
    assert step.result == "sent given called recorded"


async def test_recorded_steps_are_not_called_again_and_the_body_is_told(
    database: Database,
) -> None:
    notes = Notes()

    @job("halting", on=Asked)
    async def halting(ctx: JobContext[Asked]) -> str:
        async def once() -> str:
            return "once"

        await ctx.step.run("first", once)
        return await ctx.step.wait_for_signal("go", "go")

    class Tells(Writes):
        async def on_run(self, call: RunCall, proceed: Run) -> Any:
            notes.write(f"replays: {call.replays}")
            return await proceed(call)

    async with Engine(
        jobs=[halting], database=database, middleware=[Tells("m", notes)], grace_s=0.1
    ) as one:
        sent = await one.send(Asked(), event_id="e")
        while not await one.is_waiting(sent.run_ids[0]):
            pass
    async with Engine(jobs=[halting], database=database, middleware=[Tells("m", notes)]) as two:
        while not await two.send_signal("go", "on"):
            pass
        assert await two.result(sent.run_ids[0], 5) == "on"
    told = [line for line in notes.lines if "replays" in line]
    assert told == ["replays: False", "replays: True"]
    assert notes.lines.count("m steps run first 0") == 1


async def test_every_kind_of_step_that_executes_is_seen(start: Start) -> None:
    notes = Notes()

    @job("child", on="never")
    async def child(ctx: JobContext[dict[str, Any]]) -> int:
        return len(ctx.event.data)

    @job("kinds", on=Asked)
    async def kinds(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("nap", 0.01)
        await ctx.step.wait_for_event("event", Told, timeout=0.01)
        await ctx.step.wait_for_signal("signal", "s", timeout=0.01)
        await ctx.step.invoke("child", child, {"a": 1})
        await ctx.step.send_event("tell", Told(text="x"))

    engine = await start([kinds, child], middleware=[Writes("m", notes)])
    sent = await engine.send(Asked())
    await engine.result(sent.run_ids[0], 5)
    assert [line.split()[2:4] for line in notes.lines if line.startswith("m steps")] == [
        ["sleep", "nap"],
        ["wait_for_event", "event"],
        ["wait_for_signal", "signal"],
        ["invoke", "child"],
        ["send_event", "tell"],
    ]
    assert [line for line in notes.lines if line.startswith("m sends")] == [
        "m sends ['test/asked']",
        "m sends ['engine/function.invoked']",
        "m sends ['test/told']",
    ]


class Strict(Middleware):
    """Fails where it is told to."""

    def __init__(self, where: str, failure: Callable[[], Exception]) -> None:
        self._where = where
        self._failure = failure
        self.tried = 0

    def _look(self, where: str) -> None:
        if where == self._where:
            self.tried += 1
            raise self._failure()

    async def on_send(self, events: Events, proceed: Send) -> list[SentEvent]:
        self._look("send")
        return await proceed(events)

    async def on_run(self, call: RunCall, proceed: Run) -> Any:
        self._look("run")
        return await proceed(call)

    async def on_step(self, call: StepCall, proceed: Step) -> Any:
        self._look("step")
        return await proceed(call)


async def test_exception_of_a_step_hook_is_an_attempt_that_failed(start: Start) -> None:
    @job("patient", on=Asked, retries=QUICK)
    async def patient(ctx: JobContext[Asked]) -> str:
        async def fine() -> str:
            return "fine"

        try:
            return await ctx.step.run("fine", fine)
        except StepFailed as failed:
            return f"{failed.name} after {failed.attempts}"

    strict = Strict("step", lambda: ConnectionError("no"))
    engine = await start([patient], middleware=[strict])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == "ConnectionError after 3"
    assert strict.tried == 3


async def test_exception_of_a_run_hook_fails_the_run_and_reaches_on_failure(start: Start) -> None:
    notes = Notes()

    async def failed(ctx: FailureContext[Asked]) -> None:
        notes.write(ctx.error.name)

    @job("refused", on=Asked, on_failure=failed)
    async def refused(_: JobContext[Asked]) -> None:
        notes.write("never")

    class OnlyJobs(Strict):
        async def on_run(self, call: RunCall, proceed: Run) -> Any:
            return await (
                proceed(call) if call.is_failure_handler else super().on_run(call, proceed)
            )

    engine = await start([refused], middleware=[OnlyJobs("run", lambda: NonRetriable("no"))])
    sent = await engine.send(Asked())
    with pytest.raises(RunFailed, match="NonRetriable: no"):
        await engine.result(sent.run_ids[0], 5)
    await until(lambda: notes.lines == ["NonRetriable"])


async def test_exception_of_a_send_hook_stores_nothing(start: Start) -> None:
    strict = Strict("send", lambda: BadEvent("test/asked", "not now"))
    engine = await start([doubled], middleware=[strict])
    with pytest.raises(BadEvent, match="not now"):
        await engine.send(Asked())
    assert await engine.runs() == []
    assert (await engine.inspect.events()).items == ()


async def test_send_hook_that_drops_an_event_is_refused(start: Start) -> None:
    class Drops(Middleware):
        async def on_send(self, events: Events, proceed: Send) -> list[SentEvent]:
            return await proceed(events[1:])

    engine = await start([doubled], middleware=[Drops()])
    with pytest.raises(BadEvent, match="dropped or added"):
        await engine.send(Asked())


async def test_middleware_gives_a_run_objects_of_its_own(start: Start) -> None:
    class Session(Middleware):
        async def on_run(self, call: RunCall, proceed: Run) -> Any:
            notes = Notes([f"of {call.run_id}"])
            return await proceed(replace(call, provided=(*call.provided, notes)))

    @job("needs", on=Asked)
    async def needs(ctx: JobContext[Asked]) -> list[str]:
        return ctx.need(Notes).lines

    engine = await start([needs], provide=[Notes(["of all"])], middleware=[Session()])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == [f"of {sent.run_ids[0]}"]


async def test_headers_reach_the_runs_of_an_event_and_their_inspection(start: Start) -> None:
    @job("headed", on="plain")
    async def headed(ctx: JobContext[dict[str, Any]]) -> dict[str, str]:
        return dict(ctx.event.headers)

    engine = await start([headed])
    sent = await engine.send(Event("plain", headers={"trace": "1"}))
    assert await engine.result(sent.run_ids[0], 5) == {"trace": "1"}
    assert (await engine.inspect.event(sent.event_id)).event.headers == {"trace": "1"}
    without = await engine.send(Event("plain"))
    assert await engine.result(without.run_ids[0], 5) == {}


async def test_a_job_under_test_has_its_middleware_around_it() -> None:
    notes = Notes()
    outcome = await TestEngine(
        doubled, event=Asked(text="x"), middleware=[Writes("m", notes)]
    ).execute()
    assert outcome.result == "xx"
    assert notes.lines == [
        "m runs doubled 0/5",
        "m steps run twice 0",
        "m stepped xx",
        "m ran xx",
    ]
