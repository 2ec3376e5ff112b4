"""Batching: one run for many events."""

import asyncio

import pytest

from engine import BadJob, Batch, CancelOn, FailureContext, JobContext, NonRetriable, job
from engine.intake import gather as gathering
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes, Withdrawn
from tests.support.waiting import until


def texts(ctx: JobContext[Asked] | FailureContext[Asked]) -> str:
    return "".join(event.data.text for event in ctx.events)


@job("digest", on=Asked, batch=Batch(max_size=3, timeout="30s", key="event.data.questionId"))
async def digest(ctx: JobContext[Asked]) -> str:
    assert ctx.event == ctx.events[0]
    return texts(ctx)


async def test_full_batch_starts_at_once_with_all_its_events_in_order(start: Start) -> None:
    engine = await start([digest])
    sent = [await engine.send(Asked(text=text)) for text in "abcd"]
    assert await engine.result(sent[0].run_ids[0], 5) == "abc"
    assert sent[0].run_ids == sent[1].run_ids == sent[2].run_ids
    assert (await engine.run(sent[3].run_ids[0])).status == "scheduled"


async def test_batch_that_one_send_fills_starts_at_once(start: Start) -> None:
    engine = await start([digest])
    sent = await engine.send_many([Asked(text=text) for text in "abcdef"])
    runs = [sent[0].run_ids[0], sent[3].run_ids[0]]
    assert [await engine.result(run_id, 5) for run_id in runs] == ["abc", "def"]


async def test_batches_of_different_keys_do_not_mix(start: Start) -> None:
    engine = await start([digest])
    sent = await engine.send_many([Asked(question_id=key, text=key) for key in "ababab"])
    runs = [sent[0].run_ids[0], sent[1].run_ids[0]]
    assert [await engine.result(run_id, 5) for run_id in runs] == ["aaa", "bbb"]


async def test_batch_starts_at_its_timeout(start: Start) -> None:
    @job("timed", on=Asked, batch=Batch(max_size=100, timeout="1s"))
    async def timed(ctx: JobContext[Asked]) -> str:
        return texts(ctx)

    engine = await start([timed])
    began = asyncio.get_running_loop().time()
    sent = await engine.send_many([Asked(text="a"), Asked(text="b")])
    assert await engine.result(sent[0].run_ids[0], 5) == "ab"
    assert asyncio.get_running_loop().time() - began >= 0.99


async def test_event_for_which_if_does_not_hold_runs_alone_at_once(start: Start) -> None:
    free = Batch(max_size=2, timeout="30s", when="event.data.questionId == 'free'")

    @job("tiers", on=Asked, batch=free)
    async def tiers(ctx: JobContext[Asked]) -> str:
        return texts(ctx)

    engine = await start([tiers])
    sent = await engine.send_many(
        [Asked(question_id=key, text=key[0]) for key in ("free", "paid", "free")]
    )
    assert await engine.result(sent[1].run_ids[0], 5) == "p"
    assert await engine.result(sent[0].run_ids[0], 5) == "ff"
    assert sent[0].run_ids == sent[2].run_ids


async def test_batch_of_one_is_a_run_for_each_event(start: Start) -> None:
    @job("single", on=Asked, batch=Batch(max_size=1, timeout="30s"))
    async def single(ctx: JobContext[Asked]) -> str:
        return texts(ctx)

    engine = await start([single])
    sent = await engine.send_many([Asked(text="a"), Asked(text="b")])
    assert [await engine.result(one.run_ids[0], 5) for one in sent] == ["a", "b"]


async def test_batch_starts_early_when_its_events_are_too_large(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MAX_BATCH_BYTES", 300)
    engine = await start([digest])
    sent = [await engine.send(Asked(text=letter * 120)) for letter in "abc"]
    assert await engine.result(sent[0].run_ids[0], 5) == "a" * 120 + "b" * 120
    assert sent[2].run_ids != sent[0].run_ids


async def test_duplicate_event_is_in_a_batch_once(start: Start) -> None:
    engine = await start([digest])
    first = await engine.send(Asked(text="a"), event_id="a")
    again = await engine.send(Asked(text="a"), event_id="a")
    assert (again.duplicate, again.run_ids) == (True, first.run_ids)
    await engine.send_many([Asked(text="b"), Asked(text="c")])
    assert await engine.result(first.run_ids[0], 5) == "abc"


async def test_batch_survives_a_restart_and_its_failure_sees_every_event(start: Start) -> None:
    notes = Notes()

    async def note(ctx: FailureContext[Asked]) -> None:
        ctx.need(Notes).write(texts(ctx))

    @job("failing", on=Asked, batch=Batch(max_size=3, timeout="30s"), on_failure=note)
    async def failing(ctx: JobContext[Asked]) -> None:
        raise NonRetriable(texts(ctx))

    first = await start([failing], works=False, executor_id="one")
    await first.send_many([Asked(text="a"), Asked(text="b")])
    await first.__aexit__(None, None, None)
    second = await start([failing], provide=[notes], executor_id="one")
    sent = await second.send(Asked(text="c"))
    assert (await second.wait(sent.run_ids[0], 5)).status == "failed"
    await until(lambda: notes.lines == ["abc"])


def test_batch_refuses_cancel_on() -> None:
    with pytest.raises(BadJob, match="batch and cancel_on"):
        job("odd", on=Asked, batch=Batch(2, "1s"), cancel_on=[CancelOn(Withdrawn)])
