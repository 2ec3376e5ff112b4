"""OpenTelemetry: one trace from the event through runs, steps, children and restarts."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from engine import Batch, Cron, Database, Engine, JobContext, RunFailed, job
from engine.telemetry import Telemetry
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked
from tests.support.waiting import until


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(spans: InMemorySpanExporter) -> Telemetry:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Telemetry(provider)


def by_name(spans: Sequence[ReadableSpan]) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans}


def parent_of(span: ReadableSpan, spans: Sequence[ReadableSpan]) -> str | None:
    parent = span.parent
    ids = {each.context.span_id: each.name for each in spans if each.context is not None}
    return None if parent is None else ids.get(parent.span_id)


async def same(text: str) -> str:
    return text


@job("child", on="never")
async def child(ctx: JobContext[dict[str, Any]]) -> str:
    return await ctx.step.run("inner", same, "x")


@job("parent", on=Asked)
async def parent(ctx: JobContext[Asked]) -> str:
    await ctx.step.run("first", same, "secret text")
    return await ctx.step.invoke("call", child, {"a": 1})


async def test_runs_steps_and_children_are_in_the_trace_of_the_event(
    start: Start, telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    engine = await start([parent, child], middleware=[telemetry])
    sent = await engine.send(Asked(text="secret text"))
    await engine.result(sent.run_ids[0], 5)
    await until(lambda: len(spans.get_finished_spans()) == 7)
    found = spans.get_finished_spans()
    parents = {span.name: parent_of(span, found) for span in found}
    assert parents == {
        "send test/asked": None,
        "run parent": "send test/asked",
        "step first": "run parent",
        "step call": "run parent",
        "send engine/function.invoked": "step call",
        "run child": "send engine/function.invoked",
        "step inner": "run child",
    }
    assert len({span.context.trace_id for span in found if span.context is not None}) == 1
    named = by_name(found)
    assert named["send test/asked"].kind is SpanKind.PRODUCER
    assert named["run parent"].kind is SpanKind.CONSUMER
    assert dict(named["run parent"].attributes or {}) == {
        "engine.run.id": sent.run_ids[0],
        "engine.job.id": "parent",
        "engine.event.id": sent.event_id,
        "engine.event.name": "test/asked",
        "engine.attempt": 0,
        "engine.replays": False,
    }
    assert "secret text" not in str([span.to_json() for span in found])


async def test_attempts_that_fail_are_spans_of_their_own_without_the_text(
    start: Start, telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    async def fails() -> None:
        raise ConnectionError("the password is hunter2")

    @job("failing", on=Asked, retries=QUICK)
    async def failing(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("fails", fails)

    engine = await start([failing], middleware=[telemetry])
    sent = await engine.send(Asked())
    with pytest.raises(RunFailed):
        await engine.result(sent.run_ids[0], 5)
    found = spans.get_finished_spans()
    steps = [span for span in found if span.name == "step fails"]
    assert [dict(span.attributes or {})["engine.attempt"] for span in steps] == [0, 1, 2]
    assert {span.status.status_code for span in steps} == {StatusCode.ERROR}
    assert dict(steps[0].attributes or {})["error.type"] == "ConnectionError"
    assert by_name(found)["run failing"].status.status_code is StatusCode.ERROR
    assert "hunter2" not in str([span.to_json() for span in found])


async def test_a_cancelled_run_is_interrupted_and_no_error(
    start: Start, telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    begun = asyncio.Event()

    async def forever() -> None:
        begun.set()
        await asyncio.Event().wait()

    @job("endless", on=Asked)
    async def endless(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("forever", forever)

    engine = await start([endless], middleware=[telemetry])
    sent = await engine.send(Asked())
    await begun.wait()
    await engine.cancel(sent.run_ids[0])
    run = by_name(spans.get_finished_spans())["run endless"]
    assert dict(run.attributes or {})["engine.interrupted"] is True
    assert run.status.status_code is StatusCode.UNSET


async def test_run_that_goes_on_after_a_restart_stays_in_its_trace(
    database: Database, telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    @job("halting", on=Asked)
    async def halting(ctx: JobContext[Asked]) -> str:
        await ctx.step.run("first", same, "x")
        return await ctx.step.wait_for_signal("go", "go")

    async with Engine(
        jobs=[halting], database=database, middleware=[telemetry], grace_s=0.1
    ) as one:
        sent = await one.send(Asked())
        while not await one.is_waiting(sent.run_ids[0]):
            pass
    async with Engine(jobs=[halting], database=database, middleware=[telemetry]) as two:
        while not await two.send_signal("go", "on"):
            pass
        await two.result(sent.run_ids[0], 5)
    runs = [span for span in spans.get_finished_spans() if span.name == "run halting"]
    assert [dict(span.attributes or {})["engine.replays"] for span in runs] == [False, True]
    assert len({span.context.trace_id for span in runs if span.context is not None}) == 1


async def test_executions_of_a_run_without_a_sender_are_in_one_trace(
    start: Start, telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    @job("tick", on=Cron("* * * * * *"), retries=QUICK)
    async def tick(ctx: JobContext[dict[str, Any]]) -> None:
        if ctx.attempt == 0:
            raise ConnectionError

    await start([tick], middleware=[telemetry])

    def both() -> list[ReadableSpan]:
        runs: dict[object, list[ReadableSpan]] = {}
        for span in spans.get_finished_spans():
            runs.setdefault(dict(span.attributes or {})["engine.run.id"], []).append(span)
        return next((found for found in runs.values() if len(found) == 2), list[ReadableSpan]())

    await until(lambda: bool(both()), 10)
    one, two = both()
    assert one.context is not None
    assert two.context is not None
    assert one.context.trace_id == two.context.trace_id


async def test_events_of_a_batch_are_linked(
    start: Start, telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    @job("batch", on=Asked, batch=Batch(max_size=2, timeout="1m"))
    async def batch(ctx: JobContext[Asked]) -> int:
        return len(ctx.events)

    engine = await start([batch], middleware=[telemetry])
    first = await engine.send(Asked(text="1"))
    await engine.send(Asked(text="2"))
    assert await engine.result(first.run_ids[0], 5) == 2
    found = spans.get_finished_spans()
    sends = [span for span in found if span.name == "send test/asked"]
    run = by_name(found)["run batch"]
    assert run.parent is not None
    assert sends[0].context is not None
    assert run.parent.span_id == sends[0].context.span_id
    assert [link.context.span_id for link in run.links] == [
        span.context.span_id for span in sends[1:] if span.context is not None
    ]
