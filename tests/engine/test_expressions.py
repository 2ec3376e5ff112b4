"""Expressions: judged where they are written; what one raises is no match, and nobody's error."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from engine import (
    BadExpression,
    BadJob,
    Batch,
    CancelOn,
    Concurrency,
    Database,
    Debounce,
    Event,
    Job,
    JobContext,
    On,
    RateLimit,
    RetryPolicy,
    Singleton,
    Throttle,
    job,
)
from engine.expressions import Expression, path_value
from engine.storage import tables as engine_tables
from tests.engine.conftest import Start
from tests.engine.things import Asked, beside, until_waiting

RAISING = [
    "event.data.items[0].price > 100",
    "1 / event.data.none > 0",
    "event.data.none % event.data.none == 0",
    "event.data.large + event.data.large > 0",
    "event.data.large * 2 > 0",
    "int(event.data.text) > 0",
    "timestamp(event.data.text) < timestamp('2024-01-01T00:00:00Z')",
    "event.data.text.matches(event.data.pattern)",
    "event.data.text > 1",
    "event.data.missing.further > 1",
    "event.data.items[-1] == 1",
    "1u - 2u == 0u",
]
ODD: dict[str, Any] = {"items": [], "none": 0, "large": 2**63 - 1, "text": "x", "pattern": "("}


@pytest.mark.parametrize("source", RAISING)
async def test_trigger_that_raises_is_no_match_and_the_others_hear(
    start: Start, source: str
) -> None:
    @job("raising", on=On("orders/paid", when=source))
    async def raising(_: JobContext[dict[str, Any]]) -> None:
        raise AssertionError("never started")

    @job("plain", on="orders/paid")
    async def plain(_: JobContext[dict[str, Any]]) -> str:
        return "heard"

    engine = await start([raising, plain])
    sent = await engine.send(Event("orders/paid", ODD))
    assert [await engine.result(run_id, 5) for run_id in sent.run_ids] == ["heard"]


KEYED: list[dict[str, Any]] = [
    {"throttle": Throttle(1, "1s", key="event.data.items[0]")},
    {"rate_limit": RateLimit(1, "1h", key="event.data.items[0]")},
    {"singleton": Singleton("skip", key="event.data.items[0]")},
    {"idempotency": "event.data.items[0]"},
    {"debounce": Debounce("1s", key="event.data.items[0]")},
    {"batch": Batch(2, "1h", key="event.data.items[0]")},
    {"batch": Batch(2, "1h", when="event.data.items[0] == 1")},
    {"priority": "1 / event.data.none"},
    {"priority": "0.0 / 0.0"},
    {"priority": "1.0 / 0.0"},
    {"concurrency": [Concurrency(1, key="event.data.items[0]")]},
    # What is no JSON is a key, too.
    {"concurrency": [Concurrency(1, key="timestamp('2024-01-01T00:00:00Z')")]},
    {"idempotency": "b'\\xff'"},
    {"idempotency": "{1: 'a', 'b': 2}"},
    {"idempotency": "double('NaN')"},
]


@pytest.mark.parametrize("options", KEYED, ids=str)
async def test_key_that_cannot_be_told_keeps_no_event_out(
    start: Start, options: dict[str, Any]
) -> None:
    @job("keyed", on="orders/paid", **options)
    async def keyed(_: JobContext[dict[str, Any]]) -> str:
        return "done"

    engine = await start([keyed])
    sent = await engine.send_many([Event("orders/paid", ODD), Event("orders/paid", ODD)])
    run_ids = {run_id for one in sent for run_id in one.run_ids}
    assert [await engine.result(run_id, 8) for run_id in run_ids] == ["done"] * len(run_ids)
    loses_none = {"rate_limit", "singleton", "debounce"}
    raises = options.get("idempotency") == "event.data.items[0]" or loses_none & set(options)
    assert len(run_ids) == 2 or not raises


def test_equal_objects_are_one_key_in_whatever_order_they_come() -> None:
    key = Expression("event.data").key
    assert key({"data": {"a": 1, "b": {"c": 2, "d": 3}}}) == key(
        {"data": {"b": {"d": 3, "c": 2}, "a": 1}}
    )
    assert key({"data": 1}) != key({"data": "1"})
    assert key({}) is None
    assert key({"data": None}) == "null"


async def test_key_of_any_length_can_be_stored(start: Start) -> None:
    """PostgreSQL's index takes 2.7 kB."""

    @job(
        "long",
        on=Asked,
        concurrency=[Concurrency(1, key="event.data.text")],
        idempotency="event.data.text",
        cancel_on=[CancelOn("stop", match="data.text")],
    )
    async def long(ctx: JobContext[Asked]) -> str:
        found = await ctx.step.wait_for_event("w", "go", match="data.text", timeout="1h")
        return "none" if found is None else found.data["word"]

    engine = await start([long])
    text = "".join(chr(48 + (number * number * 7919) % 75) for number in range(40_000))
    sent = await engine.send(Asked(text=text))
    assert (await engine.send(Asked(text=text))).run_ids == ()
    await until_waiting(engine, sent.run_ids[0])
    await engine.send(Event("go", {"text": text[:-1], "word": "another"}))
    await engine.send(Event("go", {"text": text, "word": "this"}))
    assert await engine.result(sent.run_ids[0], 5) == "this"
    second = await engine.send(Asked(text=text[1:]))
    await until_waiting(engine, second.run_ids[0])
    await engine.send(Event("stop", {"text": text[1:]}))
    assert (await engine.wait(second.run_ids[0], 5)).status == "cancelled"


async def test_cancel_rule_that_raises_cancels_nothing(start: Start) -> None:
    rules = [CancelOn("stop", when="async.data.items[0] == event.data.text")]

    @job("stoppable", on=Asked, cancel_on=rules)
    async def stoppable(ctx: JobContext[Asked]) -> None:
        await ctx.step.wait_for_event("w", "go", timeout="1h")

    engine = await start([stoppable])
    sent = await engine.send(Asked(text="x"))
    await until_waiting(engine, sent.run_ids[0])
    await engine.send(Event("stop", {"items": []}))
    assert not (await engine.run(sent.run_ids[0])).has_ended
    await engine.send(Event("stop", {"items": ["x"]}))
    assert (await engine.wait(sent.run_ids[0], 5)).status == "cancelled"


def waiting(**how: Any) -> Job[Asked, str]:
    @job("waits", on=Asked, retries=RetryPolicy(max_attempts=1))
    async def waits(ctx: JobContext[Asked]) -> str:
        found = await ctx.step.wait_for_event("w", "go", timeout="1h", **how)
        return "none" if found is None else str(found.data["by"])

    return waits


async def test_wait_that_raises_goes_on_waiting(start: Start) -> None:
    engine = await start([waiting(when="async.data.items[0] == 1")])
    sent = await engine.send(Asked())
    await until_waiting(engine, sent.run_ids[0])
    await engine.send(Event("go", {"items": [], "by": "eve"}))
    await engine.send(Event("go", {"items": [1], "by": "bob"}))
    assert await engine.result(sent.run_ids[0], 5) == "bob"


@pytest.mark.parametrize("when", ["a = b", "data.by == 'bob'", "async.data.by.upper() == 'BOB'"])
async def test_wait_with_a_wrong_expression_fails_its_own_run(start: Start, when: str) -> None:
    engine = await start([waiting(when=when)])
    sent = await engine.send(Asked())
    info = await engine.wait(sent.run_ids[0], 5)
    assert info.status == "failed"
    assert repr(when) in str(info.error)
    assert (await engine.send(Event("go", {"by": "bob"}))).run_ids == ()


async def test_wait_stored_with_a_wrong_expression_keeps_nobody_from_sending(
    start: Start, database: Database
) -> None:
    """As versions before this one have stored them."""
    engine = await start([waiting(when="async.data.by == 'bob'")])
    first, second = await engine.send_many([Asked(), Asked()])
    for one in (first, second):
        await until_waiting(engine, one.run_ids[0])
    wait = engine_tables.wait
    change = sa.update(wait).where(wait.c.run_id == first.run_ids[0]).values(condition="a = b")
    with beside(database) as connection:
        connection.execute(change)
    await engine.send(Event("go", {"by": "bob"}))
    assert await engine.result(second.run_ids[0], 5) == "bob"
    assert not (await engine.run(first.run_ids[0])).has_ended


WRONG: list[tuple[str, Callable[[str], Mapping[str, Any]]]] = [
    ("data.x > 1", lambda source: {"on": On("a", when=source)}),
    ("async.data.x > 1", lambda source: {"on": On("a", when=source)}),
    ("event.data.name.upper() == 'A'", lambda source: {"on": On("a", when=source)}),
    ("event.data.x = 1", lambda source: {"cancel_on": [CancelOn("b", when=source)]}),
    ("later.data.x == 1", lambda source: {"cancel_on": [CancelOn("b", when=source)]}),
    ("data.x", lambda source: {"concurrency": [Concurrency(1, key=source)]}),
    ("async.data.x", lambda source: {"throttle": Throttle(1, "1s", key=source)}),
    ("user", lambda source: {"rate_limit": RateLimit(1, "1s", key=source)}),
    ("data.x", lambda source: {"singleton": Singleton("skip", key=source)}),
    ("data.x", lambda source: {"debounce": Debounce("1s", key=source)}),
    ("data.x", lambda source: {"batch": Batch(2, "1s", key=source)}),
    ("x == 1", lambda source: {"batch": Batch(2, "1s", when=source)}),
    ("x", lambda source: {"priority": source}),
    ("x", lambda source: {"idempotency": source}),
    ("1+" * 50_000 + "1", lambda source: {"idempotency": source}),  # CEL's parser would overflow
    ("", lambda source: {"priority": source}),
]


@pytest.mark.parametrize(
    ("source", "written"), WRONG, ids=lambda each: each[:40] if isinstance(each, str) else None
)
def test_wrong_expression_is_refused_where_it_is_written(
    source: str, written: Callable[[str], Mapping[str, Any]]
) -> None:
    with pytest.raises(BadJob, match="expression"):
        job("wrong", **{"on": Asked, **written(source)})  # pyright: ignore[reportArgumentType, reportCallIssue] - a dict of options


async def test_wrong_expression_of_cancel_many_is_refused(start: Start) -> None:
    engine = await start([waiting()])
    with pytest.raises(BadExpression, match="event"):
        await engine.cancel_many("waits", when="data.x == 1")


@pytest.mark.parametrize(
    "source",
    [
        "event.data.items.all(item, item.price > 1)",
        "event.data.items.map(i, i.parts.exists(p, p == i.best)) == [true]",
        "has(event.data.x) && type(event.data.x) == int",
        "timestamp(event.data.at).getHours() in [8, 9]",
        "size(event.data.name) > 1 && event.data.name.startsWith('a')",
    ],
)
def test_names_that_cel_itself_has_are_no_unknown_names(source: str) -> None:
    assert Expression(source).source == source


def test_async_inside_a_text_is_text() -> None:
    both = Expression("async.data.host == 'async.io' && event.data.async.x == 1", later=True)
    first = {"data": {"async": {"x": 1}}}
    assert both.holds(first, {"data": {"host": "async.io"}})
    assert not both.holds(first, {"data": {"host": "later.io"}})
    assert Expression('event.data.host == "async.io"').holds({"data": {"host": "async.io"}})


async def test_what_an_expression_raises_is_counted_and_logged_once(
    start: Start, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    source = f"event.data.{type(database).__name__}[0] == 1"  # the counts are of the process

    @job("counted", on=On("orders/paid", when=source))
    async def counted(_: JobContext[dict[str, Any]]) -> None:
        """Never started."""

    engine = await start([counted])
    with caplog.at_level(logging.WARNING, "engine"):
        for _ in range(3):
            await engine.send(Event("orders/paid", {type(database).__name__: []}))
    assert engine.expression_errors()[source] == 3
    logged = [each for each in caplog.records if each.msg == "expression_raised"]
    assert [(each.levelno, getattr(each, "expression", None)) for each in logged] == [
        (logging.WARNING, source)
    ]


def test_a_value_to_match_by_is_kept_short() -> None:
    short, long = "x" * 100, "x" * 100_000
    assert path_value({"data": {"a": short}}, "data.a") == f'"{short}"'
    found = path_value({"data": {"a": long}}, "data.a")
    assert found is not None
    assert len(found) < 100
    assert found != path_value({"data": {"a": long + "y"}}, "data.a")
