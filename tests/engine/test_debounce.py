"""Debounce: events that come close together start one run, with the last of them."""

import asyncio

import pytest

from engine import (
    BadJob,
    CancelOn,
    Database,
    Debounce,
    Event,
    JobContext,
    RateLimit,
    Singleton,
    Throttle,
    job,
)
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes, Withdrawn, beside
from tests.support.dbos.rows import due_at


@job("settled", on=Asked, debounce=Debounce("1s", key="event.data.questionId"))
async def settled(ctx: JobContext[Asked]) -> str:
    return ctx.event.data.text


async def test_last_event_wins_and_one_run_starts(start: Start) -> None:
    engine = await start([settled])
    sent = [await engine.send(Asked(text=text)) for text in "abc"]
    [run_id] = {one.run_ids for one in sent}
    assert (await engine.run(run_id[0])).status == "scheduled"
    assert await engine.result(run_id[0], 5) == "c"
    assert (await engine.run(run_id[0])).event_id == sent[-1].event_id
    assert len(await engine.runs()) == 1


async def test_event_with_the_latest_ts_wins_in_whatever_order_they_come(start: Start) -> None:
    rules = [CancelOn(Withdrawn, match="data.questionId")]

    @job("ordered", on=Asked, debounce=Debounce("2s"), cancel_on=rules)
    async def ordered(ctx: JobContext[Asked]) -> str:
        return ctx.event.data.text

    def asked(second: int, text: str) -> Event:
        data = {"text": text, "questionId": text}
        return Event("test/asked", data, ts=f"2026-01-01T00:00:{second:02}Z")

    engine = await start([ordered])
    first, late, *_ = sent = [
        await engine.send(asked(second, text))
        for second, text in [(5, "middle"), (9, "late"), (1, "early"), (9, "latest"), (7, "old")]
    ]
    assert {one.run_ids for one in sent} == {first.run_ids}
    assert (await engine.run(first.run_ids[0])).event_id == sent[3].event_id
    await engine.send(Withdrawn(question_id="early"))
    await engine.send(Withdrawn(question_id="late"))
    assert await engine.result(first.run_ids[0], 10) == "latest"
    assert (await engine.run(first.run_ids[0])).event_id == sent[3].event_id
    assert late.run_ids == first.run_ids


async def test_older_event_does_not_put_the_start_off(start: Start, database: Database) -> None:
    engine = await start([settled])
    first = await engine.send(Asked(text="now"))
    with beside(database) as connection:
        due = due_at(connection, first.run_ids[0])
    late = await engine.send(Event("test/asked", {"text": "late"}, ts=0))
    assert late.run_ids == first.run_ids
    with beside(database) as connection:
        assert due_at(connection, first.run_ids[0]) == due
    again = await engine.send(Event("test/asked", {"text": "late"}, ts=0, id=late.event_id))
    assert again.duplicate
    assert again.run_ids == first.run_ids
    assert await engine.result(first.run_ids[0], 8) == "now"


async def test_each_key_waits_on_its_own(start: Start) -> None:
    engine = await start([settled])
    sent = await engine.send_many([Asked(question_id=key, text=key) for key in "abab"])
    a, b = sent[2].run_ids[0], sent[3].run_ids[0]
    assert [await engine.result(run_id, 5) for run_id in (a, b)] == ["a", "b"]
    assert len(await engine.runs()) == 2


async def test_event_after_the_start_opens_a_new_run(start: Start) -> None:
    engine = await start([settled])
    first = await engine.send(Asked(text="first"))
    assert await engine.result(first.run_ids[0], 5) == "first"
    second = await engine.send(Asked(text="second"))
    assert second.run_ids != first.run_ids
    assert await engine.result(second.run_ids[0], 5) == "second"


async def test_run_starts_at_its_timeout_however_many_events_come(start: Start) -> None:
    @job("capped", on=Asked, debounce=Debounce("30s", timeout="1s"))
    async def capped(ctx: JobContext[Asked]) -> str:
        return ctx.event.data.text

    engine = await start([capped])
    began = asyncio.get_running_loop().time()
    await engine.send(Asked(text="a"))
    last = await engine.send(Asked(text="b"))
    assert await engine.result(last.run_ids[0], 8) == "b"
    assert asyncio.get_running_loop().time() - began >= 0.99


async def test_duplicate_of_an_event_that_was_replaced_gets_the_same_answer(start: Start) -> None:
    engine = await start([settled])
    first = await engine.send(Asked(text="a"), event_id="a")
    await engine.send(Asked(text="b"), event_id="b")
    again = await engine.send(Asked(text="a"), event_id="a")
    assert again.duplicate
    assert again.run_ids == first.run_ids
    assert await engine.result(first.run_ids[0], 5) == "b"


async def test_cancel_on_matches_the_event_that_won(start: Start) -> None:
    rules = [CancelOn(Withdrawn, match="data.questionId")]

    @job("watched", on=Asked, debounce=Debounce("30s"), cancel_on=rules)
    async def watched(_: JobContext[Asked]) -> None:
        """Nothing."""

    engine = await start([watched])
    await engine.send(Asked(question_id="old"))
    sent = await engine.send(Asked(question_id="new"))
    await engine.send(Withdrawn(question_id="old"))
    assert (await engine.run(sent.run_ids[0])).status == "scheduled"
    await engine.send(Withdrawn(question_id="new"))
    assert (await engine.run(sent.run_ids[0])).status == "cancelled"
    replaced = await engine.send(Asked(question_id="next"))
    assert replaced.run_ids != sent.run_ids


async def test_debounced_event_survives_a_restart(start: Start) -> None:
    notes = Notes()

    @job("noted", on=Asked, debounce=Debounce("1s"))
    async def noted(ctx: JobContext[Asked]) -> None:
        ctx.need(Notes).write(ctx.event.data.text)

    first = await start([noted], works=False, executor_id="one")
    await first.send(Asked(text="a"))
    sent = await first.send(Asked(text="b"))
    await first.__aexit__(None, None, None)
    second = await start([noted], provide=[notes], executor_id="one")
    assert (await second.wait(sent.run_ids[0], 8)).status == "completed"
    assert notes.lines == ["b"]


@pytest.mark.parametrize(
    "other", [{"throttle": Throttle(1, "1s")}, {"singleton": Singleton("skip")}]
)
def test_debounce_refuses_what_it_cannot_go_with(other: dict[str, Throttle | Singleton]) -> None:
    with pytest.raises(BadJob, match=f"debounce and {next(iter(other))}"):
        job("odd", on=Asked, debounce=Debounce("1s"), **other)  # pyright: ignore[reportArgumentType, reportCallIssue] - a dict of options


async def test_rate_limit_counts_every_debounced_event(start: Start) -> None:
    @job("both", on=Asked, debounce=Debounce("1s"), rate_limit=RateLimit(2, "1m"))
    async def both(ctx: JobContext[Asked]) -> str:
        return ctx.event.data.text

    engine = await start([both])
    sent = [await engine.send(Asked(text=text)) for text in "abc"]
    assert [len(one.run_ids) for one in sent] == [1, 1, 0]
    assert await engine.result(sent[0].run_ids[0], 5) == "b"
