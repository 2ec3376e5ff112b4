"""What is sent: in which forms it is taken, how it is stored, and what is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from engine import BadEvent, CancelOn, Event, EventData, JobContext, On, job
from engine.testing import TestEngine
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes, Withdrawn, until_waiting
from tests.support.waiting import until


class Line(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)

    unit_price: int


class Paid(EventData, event="orders/paid"):
    order_id: str
    paid_at: datetime | None = None
    lines: tuple[Line, ...] = ()
    note_text: str = "none"
    access_token: SecretStr | None = None


@job("echo", on=["any/event", "orders/paid"])
async def echo(ctx: JobContext[dict[str, Any]]) -> dict[str, Any]:
    event = ctx.event
    return {"data": event.data, "id": event.id, "ts": event.ts.isoformat(), "v": event.v}


AT = datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "ts",
    [
        AT,
        AT.astimezone(timezone(timedelta(hours=14))),
        int(AT.timestamp() * 1000),
        AT.timestamp() * 1000,
        "2026-03-01T12:30:00.250Z",
        "2026-03-01T14:30:00.250+02:00",
    ],
    ids=str,
)
async def test_ts_is_a_time_milliseconds_or_iso_text(start: Start, ts: Any) -> None:
    engine = await start([echo])
    sent = await engine.send(Event("any/event", ts=ts))
    found = await engine.result(sent.run_ids[0], 5)
    assert found["ts"] == "2026-03-01T12:30:00.250000+00:00"


@pytest.mark.parametrize(
    "ts",
    ["soon", "2026-03-01T12:30:00", datetime(2026, 3, 1), True, float("nan"), 10**30, [1]],  # noqa: DTZ001 - it is refused
    ids=str,
)
async def test_ts_that_is_no_time_is_refused(start: Start, ts: Any) -> None:
    engine = await start([echo])
    with pytest.raises(BadEvent, match="its ts"):
        await engine.send(Event("any/event", ts=ts))


@pytest.mark.parametrize("field", ["user", "headers"])
async def test_what_is_no_object_is_refused_by_name(start: Start, field: str) -> None:
    engine = await start([echo])
    with pytest.raises(BadEvent, match=f"its {field} is an object, not 'ada'"):
        await engine.send(Event("any/event", **{field: cast("Any", "ada")}))


async def test_ts_in_the_far_future_waits(start: Start) -> None:
    engine = await start([echo])
    sent = await engine.send(Event("any/event", ts="9000-01-01T00:00:00Z"))
    assert (await engine.run(sent.run_ids[0])).status == "scheduled"


async def test_inngests_objects_are_events(start: Start) -> None:
    engine = await start([echo])
    sent = await engine.send(
        {"name": "any/event", "data": {"a": [1]}, "id": "e1", "ts": 1_772_368_200_000, "v": "2"}
    )
    assert await engine.result(sent.run_ids[0], 5) == {
        "data": {"a": [1]},
        "id": "e1",
        "ts": "2026-03-01T12:30:00+00:00",
        "v": "2",
    }
    (bare,) = await engine.send_many([{"name": "any/event"}])
    assert (await engine.result(bare.run_ids[0], 5))["data"] == {}


async def test_a_step_sends_objects(start: Start) -> None:
    @job("sends", on=Asked)
    async def sends(ctx: JobContext[Asked]) -> list[str]:
        one = await ctx.step.send_event("one", {"name": "any/event"})
        two = await ctx.step.send_event("two", [{"name": "any/event"}, Event("any/event")])
        return [run_id for each in (*one, *two) for run_id in each.run_ids]

    engine = await start([sends, echo])
    sent = await engine.send(Asked())
    assert len(set(await engine.result(sent.run_ids[0], 5))) == 3


@dataclass
class Plain:
    some_text: str
    made_on: date


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)

    some_text: str
    made_on: date


@pytest.mark.parametrize(
    ("data", "stored"),
    [
        (Plain("x", date(2026, 1, 2)), {"some_text": "x", "made_on": "2026-01-02"}),
        (Model(some_text="x", made_on=date(2026, 1, 2)), {"someText": "x", "madeOn": "2026-01-02"}),
        ({"a": (1, 2), 3: None}, {"a": [1, 2], "3": None}),
        (None, {}),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_models_and_dataclasses_are_stored_as_they_store_themselves(
    start: Start, data: Any, stored: dict[str, Any]
) -> None:
    engine = await start([echo])
    sent = await engine.send(Event("any/event", data))
    assert (await engine.result(sent.run_ids[0], 5))["data"] == stored


async def test_plain_data_is_stored_under_the_names_of_its_model(start: Start) -> None:
    """So that expressions and matches find it, whichever way it was sent."""
    rules = [CancelOn("stop", match="data.orderId")]

    @job("typed", on=On(Paid, when="event.data.lines[0].unitPrice == 5"), cancel_on=rules)
    async def typed(ctx: JobContext[Paid]) -> None:
        await ctx.step.wait_for_event("w", "go", match="data.orderId", timeout="1h")

    engine = await start([typed, echo])
    data = {
        "order_id": "o1",
        "paid_at": AT,
        "lines": [{"unit_price": "5"}],
        "access_token": "secret",
    }
    sent = await engine.send({"name": "orders/paid", "data": data})
    runs = {run_id.split(":")[0]: run_id for run_id in sent.run_ids}
    assert (await engine.result(runs["echo"], 5))["data"] == {
        "orderId": "o1",
        "paidAt": "2026-03-01T12:30:00.250000Z",
        "lines": [{"unitPrice": 5}],
        "noteText": "none",
        "accessToken": "secret",
    }
    await until_waiting(engine, runs["typed"])
    await engine.send(Event("stop", {"orderId": "o1"}))
    assert (await engine.wait(runs["typed"], 5)).status == "cancelled"


async def test_data_that_two_models_have_is_stored_as_it_is_sent(start: Start) -> None:
    class Stamped(EventData, event="orders/paid", extra="ignore"):
        paid_at: int

    @job("typed", on=Paid)
    async def typed(ctx: JobContext[Paid]) -> str:
        return str(ctx.event.data.paid_at)

    @job("stamped", on=Stamped)
    async def stamped(ctx: JobContext[Stamped]) -> str:
        return str(ctx.event.data.paid_at)

    engine = await start([typed, stamped])
    sent = await engine.send(Event("orders/paid", {"orderId": "o1", "paidAt": 1_772_368_200}))
    found = {await engine.result(run_id, 5) for run_id in sent.run_ids}
    assert found == {"1772368200", "2026-03-01 12:30:00+00:00"}


async def test_data_of_invoke_and_trigger_is_stored_alike(start: Start) -> None:
    notes = Notes()

    @job("child", on=Paid, idempotency="event.data.orderId")
    async def child(ctx: JobContext[Paid]) -> str:
        notes.write(ctx.event.data.order_id)
        found = await ctx.step.wait_for_event("w", "go", match="data.orderId", timeout="1h")
        return "none" if found is None else found.data["word"]

    @job("parent", on=Asked)
    async def parent(ctx: JobContext[Asked]) -> str:
        return await ctx.step.invoke("child", child, {"order_id": "o1"})

    engine = await start([parent, child])
    invoking = await engine.send(Asked())
    await until(lambda: notes.lines == ["o1"])
    (triggered,) = await engine.trigger_many(child, [Event("", {"order_id": "o1"}, id="t1")])
    await until(lambda: notes.lines == ["o1", "o1"])
    assert (await engine.trigger_many(child, [Event("any", {"orderId": "o1"})]))[0].run_ids == ()
    for run_id in (f"{invoking.run_ids[0]}:child", triggered.run_ids[0]):
        await until_waiting(engine, run_id)
    await engine.send(Event("go", {"orderId": "o1", "word": "went"}))
    for run_id in (invoking.run_ids[0], triggered.run_ids[0]):
        assert await engine.result(run_id, 5) == "went"


async def test_test_engine_takes_what_the_engine_takes() -> None:
    @job("typed", on=Paid)
    async def typed(ctx: JobContext[Paid]) -> list[str | None]:
        found = await ctx.step.wait_for_event("w", "go", match="data.orderId")
        return [ctx.event.ts.isoformat(), None if found is None else found.data["word"]]

    outcome = await TestEngine(
        typed,
        event={"name": "orders/paid", "data": {"order_id": "o1"}, "ts": 0},
        events=[{"name": "go", "data": {"orderId": "o1", "word": "went"}}],
    ).execute()
    assert outcome.result == ["1970-01-01T00:00:00+00:00", "went"]


def nested() -> dict[str, Any]:
    data: dict[str, Any] = {}
    deep = data
    for _ in range(5000):
        deep["a"] = {}
        deep = deep["a"]
    return data


def circular() -> dict[str, Any]:
    data: dict[str, Any] = {}
    data["a"] = data
    return data


NO_JSON: list[tuple[Callable[[], Any], str]] = [
    (lambda: {"a": {"b": [object()]}}, r"data\.a\.b\[0\] is a object"),
    (lambda: {"at": AT}, r"data\.at is a datetime"),
    (lambda: {"a": Decimal(1)}, r"data\.a is a Decimal"),
    (lambda: {"a": {1, 2}}, r"data\.a is a set"),
    (lambda: {"a": b"x"}, r"data\.a is a bytes"),
    (lambda: {"a": float("nan")}, r"data\.a is nan"),
    (lambda: {"a": float("inf")}, r"data\.a is inf"),
    (lambda: {"a": "\ud800"}, r"data\.a holds half a surrogate pair"),
    (lambda: {(1, 2): 1}, "keys must be"),
    (lambda: {"a": Withdrawn(question_id="q")}, r"data\.a is a Withdrawn"),
    (nested, "data"),
    (circular, "data"),
    (lambda: [1], "its data is an object or a model, not a list"),
    (lambda: "text", "its data is an object or a model, not a str"),
    (lambda: Asked, "its data is an object or a model"),
]


@pytest.mark.parametrize(
    ("data", "says"), NO_JSON, ids=lambda each: each[:30] if isinstance(each, str) else None
)
async def test_data_that_is_no_json_is_refused_and_says_where(
    start: Start, data: Callable[[], Any], says: str
) -> None:
    engine = await start([echo])
    with pytest.raises(BadEvent, match=says):
        await engine.send_many([Event("any/event", id="first"), Event("any/event", data())])
    assert not (await engine.send(Event("any/event", id="first"))).duplicate


NO_EVENT: list[tuple[Any, str]] = [
    ({"data": {}}, "an event has name, data"),
    ({"name": "a", "payload": 1}, r"it has \['payload'\]; an event has name, data"),
    ({"name": ""}, "its name is empty"),
    (Event("a\0b"), "characters that do not print"),
    (Event("a\ud800"), "characters that do not print"),
    (Event("x" * 300), "256 are allowed"),
    (Event("a", id="x\0"), "its id"),
    (Event("a", id=""), "its id is empty"),
    (Event("a", id="x" * 2000), "1000 are allowed"),
    (Event("a", v="\0"), "its v"),
    (Event("a", user={"id": "u\0"}), "the id of its user"),
    (Event("a", user={"id": object()}), r"user\.id is a object"),
    (Event("a", headers={"x": object()}), r"headers\.x is a object"),  # pyright: ignore[reportArgumentType] - it is refused
    ([Event("a")], "one by one"),
    (Asked, "it is no event"),
    ("any/event", "it is no event"),
    (None, "it is no event"),
]


@pytest.mark.parametrize(
    ("event", "says"), NO_EVENT, ids=lambda each: each[:40] if isinstance(each, str) else None
)
async def test_what_is_no_event_is_refused_and_says_why(
    start: Start, event: Any, says: str
) -> None:
    engine = await start([echo])
    with pytest.raises(BadEvent, match=says):
        await engine.send(event)


async def test_a_list_is_for_send_many_and_one_event_is_not(start: Start) -> None:
    engine = await start([echo])
    for one in (Event("any/event"), {"name": "any/event"}, Asked()):
        with pytest.raises(BadEvent, match="send_many takes a list"):
            await engine.send_many(one)  # pyright: ignore[reportArgumentType] - it is refused
    with pytest.raises(BadEvent, match=r"data\.a is a object"):
        await engine.send_signal("signal", {"a": object()})
    for signal in ("", "a\0b"):
        with pytest.raises(BadEvent, match="the name of a signal"):
            await engine.send_signal(signal)


async def test_a_job_that_goes_on_by_an_event_to_itself_never_meets_an_end(start: Start) -> None:
    """The ids of such events are made of each other: they would grow past what can be stored."""
    ended: list[int] = []

    @job("again", on="again")
    async def again(ctx: JobContext[dict[str, int]]) -> None:
        left = ctx.event.data["left"]
        if left:
            step = "a step with a long name, to be quick " * 5
            await ctx.step.send_event(step, Event("again", {"left": left - 1}))
        ended.append(left)

    engine = await start([again])
    sent = await engine.send(Event("again", {"left": 12}))
    await engine.wait(sent.run_ids[0], 5)
    await until(lambda: len(ended) == 13, 15)  # in no order: each ends beside the next
    run_ids = [run.run_id for run in await engine.runs()]
    assert len(run_ids) == 13
    assert max(map(len, run_ids)) < 1000
