"""Realtime channels: typed messages to those who listen now."""

import asyncio
from typing import Any

import pytest

from core.ids import RunId
from engine import (
    BadChannel,
    BadMessage,
    Channel,
    Database,
    Engine,
    Saying,
    SqliteDatabase,
    TooSlow,
    Topic,
)
from engine.realtime.hub import WAITING
from tests.engine.conftest import Start
from tests.engine.listening import SEVEN, take
from tests.engine.realtime_worker import Progress, build, lines, progress, report
from tests.engine.things import Asked


async def test_a_subscriber_gets_typed_data_in_the_order_sent(start: Start) -> None:
    engine = await start([report])
    async with engine.subscribe(SEVEN, [progress]) as messages:
        sent = await engine.send(Asked(question_id="7"))
        async with asyncio.timeout(5):
            got = [await anext(messages) for _ in range(11)]
    assert [message.data for message in got] == [Progress(percent=n) for n in range(11)]
    assert {(message.channel, message.topic, message.run_id) for message in got} == {
        ("build:7", "progress", sent.run_ids[0])
    }
    assert len({message.id for message in got}) == 11
    assert all(message.sent_at.tzinfo is not None for message in got)


async def test_names_and_json_do_what_objects_do(start: Start) -> None:
    engine = await start([])
    async with engine.subscribe(SEVEN, [progress]) as messages:
        await engine.publish("build:7", "progress", {"percent": 3})
        await engine.publish(SEVEN, "progress", {"percent": 4})
        await engine.publish("build:7", progress, Progress(percent=5))
        async with asyncio.timeout(5):
            message = await anext(messages)
            assert message.data.percent == 3
        assert await take(messages, 2) == [Progress(percent=4), Progress(percent=5)]
    assert message.run_id is None
    async with (
        engine.subscribe("build:7", ["progress"]) as untyped,
        engine.subscribe(build) as kind,
    ):
        await engine.publish(build.of("8"), progress, Progress(percent=6))
        await engine.publish(SEVEN, lines, "not asked for")
        await engine.publish(SEVEN, progress, Progress(percent=7))
        await engine.publish(build, lines, "of the kind itself")
        assert await take(untyped, 1) == [{"percent": 7}]
        assert await take(kind, 1) == ["of the kind itself"]


async def test_several_are_sent_at_once_with_ids_of_their_own(start: Start) -> None:
    engine = await start([])
    sayings = [
        Saying(SEVEN, progress, Progress(percent=1), "a", RunId("r")),
        Saying("build:7", "lines", "x" * 20_000, "b"),
        Saying("build:8", "lines", "elsewhere", "c"),
        Saying("build:7", lines, "last", "a"),
    ]
    async with engine.subscribe("build:7") as messages:
        await engine.publish_all(sayings)
        async with asyncio.timeout(5):
            got = [await anext(messages) for _ in range(3)]
        wrong = Saying(SEVEN, progress, "much", "d")
        with pytest.raises(BadMessage):
            await engine.publish_all([*sayings, wrong])
        await engine.publish_all([])
        await engine.publish("build:7", "lines", "nothing between")
        assert await take(messages, 1) == ["nothing between"]
    assert [(each.id, each.run_id) for each in got] == [("a", "r"), ("b", None), ("a", None)]
    assert [each.data for each in got] == [{"percent": 1}, "x" * 20_000, "last"]


@pytest.mark.parametrize(
    ("topic", "data", "complaint"),
    [
        (progress, {"percent": "many"}, "percent: Input should be a valid integer"),
        (lines, 5, "data: Input should be a valid string"),
        ("any", object(), "data: input was not a valid JSON value"),
        ("any", {"n": float("nan")}, "not JSON"),
        ("any", "\ud800", "surrogates not allowed"),
        (lines, "é" * 262_145, "524292 bytes, and 524288 are allowed: store the data, send a ref"),
    ],
)
async def test_what_does_not_fit_its_topic_is_refused(
    sqlite: SqliteDatabase, topic: Any, data: Any, complaint: str
) -> None:
    async with Engine(jobs=[], database=sqlite) as engine:
        with pytest.raises(BadMessage) as refused:
            await engine.publish("build:7", topic, data)
    name = topic if isinstance(topic, str) else topic.name
    assert str(refused.value).startswith(f"channel 'build:7', topic {name!r}: ")
    assert complaint in str(refused.value)


@pytest.mark.parametrize("name", ["", "x" * 201, "two\nlines", "\x00"])
def test_names_that_cannot_travel_are_refused(name: str) -> None:
    with pytest.raises(BadChannel, match="1 to 200 characters"):
        Topic(name, str)
    with pytest.raises(BadChannel, match="1 to 200 characters"):
        Channel(name, lines)
    if name:
        with pytest.raises(BadChannel, match="1 to 200 characters"):
            build.of(name)


async def test_a_topic_that_the_channel_does_not_have_is_refused(sqlite: SqliteDatabase) -> None:
    other = Topic("progress", int)
    with pytest.raises(BadChannel, match="each with a name of its own"):
        Channel("build", progress, other)
    async with Engine(jobs=[], database=sqlite) as engine:
        with pytest.raises(BadChannel, match="has no 'steps'; it has Topic"):
            await engine.publish(SEVEN, "steps", 1)
        with pytest.raises(BadChannel, match="has no Topic"):
            await engine.publish(SEVEN, other, 1)
        with pytest.raises(BadChannel, match="has no Topic"):
            async with engine.subscribe(SEVEN, [other]):
                pass


async def test_a_message_of_another_type_is_an_error_and_the_next_one_comes(start: Start) -> None:
    engine = await start([])
    async with engine.subscribe(SEVEN, [progress]) as messages:
        await engine.publish("build:7", "progress", "half")
        await engine.publish(SEVEN, progress, Progress(percent=50))
        with pytest.raises(BadMessage, match="topic 'progress': data: Input should be"):
            await take(messages, 1)
        assert await take(messages, 1) == [Progress(percent=50)]


async def test_a_slow_reader_is_cut_off_and_nobody_else(start: Start) -> None:
    engine = await start([])
    async with engine.subscribe(SEVEN) as slow, engine.subscribe(SEVEN) as quick:
        for number in range(WAITING + 1):
            await engine.publish(SEVEN, lines, str(number))
            assert await take(quick, 1) == [str(number)]
        for _ in range(2):
            with pytest.raises(TooSlow, match="'build:7' has ended: its reader was more than 256"):
                await take(slow, 1)
        await engine.publish(SEVEN, lines, "on")
        assert await take(quick, 1) == ["on"]


async def test_closing_the_engine_ends_the_subscriptions(database: Database) -> None:
    async with Engine(jobs=[], database=database) as engine:
        stack = engine.subscribe(SEVEN)
        messages = await stack.__aenter__()
        await engine.publish(SEVEN, lines, "the last")
    async with asyncio.timeout(5):
        assert [message.data async for message in messages] == ["the last"]
    await stack.__aexit__(None, None, None)
