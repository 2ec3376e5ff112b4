"""Definitions: all of one is judged at `@job`, in a sentence that says how to mend it."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from pydantic import BaseModel, Field

from engine import (
    BadDatabase,
    BadJob,
    Batch,
    CancelOn,
    Concurrency,
    Cron,
    Debounce,
    Engine,
    EventData,
    Job,
    JobContext,
    On,
    PostgresDatabase,
    RateLimit,
    RetryPolicy,
    Singleton,
    SqliteDatabase,
    Throttle,
    Timeouts,
    job,
)
from engine.storage.database import database_at
from tests.engine.conftest import Start
from tests.engine.things import Asked, Withdrawn


class Address(BaseModel):
    city: str


class Ordered(EventData, event="test/ordered"):
    order_id: str
    address: Address | None = None
    extras: dict[str, str] = Field(default_factory=dict)


class Shipped(EventData, event="test/shipped"):
    order_id: str
    address: Address


class Nameless(EventData):
    order_id: str


def odd(value: object) -> Any:
    """What a type checker would not let through, and a person writes all the same."""
    return value


WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"timeouts": Timeouts(start="10 minutes")},
        r"timeouts\.start: '10 minutes' is not a duration",
    ),
    ({"timeouts": Timeouts(finish=odd(None), start="-1")}, r"timeouts\.start"),
    ({"timeouts": Timeouts(finish="0s")}, r"timeouts\.finish is 1ms to 52w"),
    ({"timeouts": Timeouts(finish=float("nan"))}, r"timeouts\.finish: a duration has an end"),
    ({"timeouts": Timeouts(finish=timedelta(days=3000))}, r"timeouts\.finish is 1ms to 52w"),
    ({"timeouts": "10m"}, r"timeouts is Timeouts\(…\), not '10m'"),
    (
        {"debounce": Debounce("5s", timeout="soon")},
        "the timeout of a debounce: 'soon' is not a dur",
    ),
    ({"debounce": Debounce("0s")}, "the period of a debounce is 1s to 7d, not '0s'"),
    ({"debounce": Debounce("500ms")}, "1s to 7d"),
    ({"debounce": Debounce("8d")}, "1s to 7d"),
    ({"debounce": Debounce(odd([1]))}, "is not a duration"),
    ({"debounce": "5s"}, r"debounce is Debounce\(…\)"),
    ({"throttle": Throttle(1, "8d")}, "the period of a throttle is 1s to 7d"),
    ({"throttle": Throttle(1, 0.5)}, "the period of a throttle is 1s to 7d"),
    ({"throttle": Throttle(0, "1m")}, "the limit of a throttle is a whole number from 1 on, not 0"),
    ({"throttle": Throttle(odd("5"), "1m")}, "not '5'"),
    ({"throttle": Throttle(odd(True), "1m")}, "not True"),
    ({"throttle": Throttle(1, "1m", burst=0)}, "the burst of a throttle"),
    ({"rate_limit": RateLimit(1, "0.5s")}, "the period of a rate limit is 1s to 7d"),
    ({"rate_limit": RateLimit(odd(1.5), "1m")}, "the limit of a rate limit"),
    ({"batch": Batch(0, "5s")}, "the max_size of a batch"),
    ({"batch": Batch(5, "500ms")}, "the timeout of a batch is 1s to 7d"),
    ({"singleton": Singleton(odd("replace"))}, "is 'skip' or 'cancel', not 'replace'"),
    ({"priority": 5}, "priority is a CEL expression, as text, not 5"),
    ({"idempotency": b"x"}, "idempotency is a CEL expression"),
    ({"ratelimit": RateLimit(1, "1m")}, "there is no option 'ratelimit'; there are .*rate_limit"),
    ({"concurrency": 0}, "a concurrency limit is a whole number from 1 on, not 0"),
    ({"concurrency": "5"}, r"concurrency is Concurrency\(…\), or a list of them, not '5'"),
    ({"concurrency": [Concurrency(odd(2.5))]}, "not 2.5"),
    (
        {"concurrency": [Concurrency(1, scope=odd("job"))]},
        "is 'fn' or 'env' or 'account', not 'job'",
    ),
    ({"concurrency": [Concurrency(1, counts=odd("jobs"))]}, "is 'steps' or 'runs', not 'jobs'"),
    ({"concurrency": [Concurrency(1)] * 3}, "at most 2 concurrency limits"),
    ({"retries": "3"}, r"retries is a whole number or a RetryPolicy\(…\), not '3'"),
    ({"retries": 21}, "retries are 0 to 20, not 21"),
    ({"retries": RetryPolicy(min_timeout="soon")}, "'soon' is not a duration"),
    ({"retries": RetryPolicy(factor=odd("2"))}, "a backoff factor"),
    ({"retries": RetryPolicy(max_attempts=odd("2"))}, "max_attempts"),
    ({"on": []}, "a job has 1 to 10 triggers, not 0"),
    ({"on": ["a"] * 11}, "a job has 1 to 10 triggers, not 11"),
    ({"on": ""}, "the name of an event is empty"),
    ({"on": "a\nb"}, "characters that do not print"),
    ({"on": "x" * 300}, "256 are allowed"),
    ({"on": "a/*/b"}, "a wildcard stands at the end only"),
    ({"on": {"event": "a"}}, "names no event"),
    ({"on": BaseModel}, "names no event"),
    ({"on": Nameless}, "Nameless has no event name"),
    ({"on": Cron("hello")}, "'hello' is not a schedule"),
    ({"on": Cron("0 0 30 2 *")}, "is not a schedule"),
    ({"on": Cron("TZ=America 0 9 * * *")}, "there is no time zone 'America'"),
    ({"on": Cron(odd(5))}, "a schedule is a text"),
    ({"cancel_on": ["stop"]}, r"cancel_on is CancelOn\(…\), or a list of them, not 'stop'"),
    ({"cancel_on": CancelOn("stop", timeout="soon")}, "the timeout of a CancelOn: 'soon'"),
    ({"cancel_on": CancelOn("stop/*")}, "is a pattern, and only a trigger takes one"),
    ({"middleware": [object]}, r"middleware is Middleware\(…\)"),
    ({"on_failure": "handler"}, "on_failure is a function that takes one `ctx`"),
]


@pytest.mark.parametrize(
    ("options", "says"), WRONG, ids=lambda each: each[:60] if isinstance(each, str) else None
)
def test_wrong_definition_is_refused_before_it_decorates(
    options: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadJob, match=says) as refused:
        job("wrong", **{"on": Asked, **options})  # pyright: ignore[reportArgumentType, reportCallIssue] - a dict of options
    assert "job 'wrong': " in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("job_id", ["", "  ", " a", "a\n", "x" * 300, 5, None])
def test_id_that_is_none_is_refused(job_id: Any) -> None:
    with pytest.raises(BadJob, match="the id of a job"):
        job(job_id, on=Asked)


CANNOT_MATCH: list[tuple[type[EventData] | str, CancelOn, str]] = [
    (Ordered, CancelOn(Shipped, match="data.order_id"), "it is stored as 'orderId'"),
    (Ordered, CancelOn(Shipped, match="data.order"), "Ordered has address, extras, orderId"),
    (Ordered, CancelOn(Shipped, match="data.extras"), "Shipped has address, orderId"),
    (Ordered, CancelOn(Shipped, match="data.address.street"), "Address has city"),
    (Ordered, CancelOn("stop", match="event.data.orderId"), "write 'data.orderId'"),
    (Ordered, CancelOn("stop", match="orderId"), "write a path such as 'data.userId'"),
    (Ordered, CancelOn("stop", match="data..orderId"), "can never match"),
    (Ordered, CancelOn("stop", match="ts.x"), "can never match"),
    (Ordered, CancelOn("stop", match="id"), "no two events have one id"),
    (Ordered, CancelOn("stop", match=""), "can never match"),
    ("orders/made", CancelOn(Shipped, match="data.order_id"), "it is stored as 'orderId'"),
]


@pytest.mark.parametrize(
    ("on", "rule", "says"),
    CANNOT_MATCH,
    ids=lambda each: each[:60] if isinstance(each, str) else None,
)
def test_match_that_cannot_match_is_refused(
    on: type[EventData] | str, rule: CancelOn, says: str
) -> None:
    with pytest.raises(BadJob, match=says):
        job("wrong", on=on, cancel_on=rule)


@pytest.mark.parametrize(
    "path",
    ["data.orderId", "data.address.city", "data.address", "user.id", "data.extras.a", "headers.x"],
)
def test_match_that_can_match_is_taken(path: str) -> None:
    later = Shipped if "extras" not in path else "any/event"
    assert job("right", on=[Ordered, Asked], cancel_on=[CancelOn(later, match=path)])


def test_functions_that_cannot_be_jobs_are_refused() -> None:
    decorate: Any = job("wrong", on=Asked)

    async def without() -> None: ...

    async def with_two(ctx: JobContext[Asked], more: int) -> None: ...

    async def stream(_: JobContext[Asked]) -> AsyncGenerator[int]:
        yield 1

    def lines(_: JobContext[Asked]) -> Any:
        yield 1

    class Body: ...

    def unstorable(_: JobContext[Asked]) -> FunctionType:
        return FunctionType(without.__code__, {})

    for fn, says in [
        (without, "must take exactly one argument, `ctx`"),
        (with_two, "must take exactly one argument, `ctx`"),
        (stream, "yields"),
        (lines, "yields"),
        (Body, "a job is a function that takes one `ctx`"),
        ("body", "a job is a function that takes one `ctx`"),
        (unstorable, "cannot be stored"),
    ]:
        with pytest.raises(BadJob, match=says):
            decorate(fn)


def test_a_number_and_one_limit_are_limits() -> None:
    def made(given: Any) -> Job[Any, Any]:
        @job("limited", on=Asked, concurrency=given)
        async def limited(_: JobContext[Asked]) -> None: ...

        return limited

    for given in (5, Concurrency(5), [Concurrency(5)], (Concurrency(5),)):
        (rule,) = made(given).concurrency
        assert (rule.limit, rule.key, rule.prefix) == (5, None, "fn:limited")


def test_an_option_that_is_none_is_no_option() -> None:
    options: dict[str, Any] = {"throttle": None, "priority": None, "timeouts": None}

    @job("none", on=Asked, **options)
    async def none(_: JobContext[Asked]) -> None: ...

    assert none.flow.options == {}


def test_what_is_in_range_is_taken() -> None:
    for options in (
        {"debounce": Debounce("1s", timeout="7d")},
        {"throttle": Throttle(1, timedelta(days=7), burst=3)},
        {"rate_limit": RateLimit(1, 1)},
        {"batch": Batch(1, "1m", key="event.data.questionId")},
        {"timeouts": Timeouts(start="200ms", finish="30d")},
        {"singleton": Singleton("cancel")},
        {"on": On("a/*", when="event.data.x == 1"), "cancel_on": CancelOn(Withdrawn)},
    ):
        given: dict[str, Any] = {"on": Asked, **options}
        assert job("right", **given)


async def test_a_function_without_job_is_refused_by_the_engine(sqlite: SqliteDatabase) -> None:
    async def plain(_: JobContext[Asked]) -> None: ...

    @job("good", on=Asked)
    async def good(_: JobContext[Asked]) -> None: ...

    for jobs, says in [
        ([plain], r"plain.* put @job\(.*\) above it"),
        ([good, plain], r"put @job"),
        (["good"], "is no job"),
        (good, r"jobs=\[…\]"),
    ]:
        with pytest.raises(BadJob, match=says):
            Engine(jobs=odd(jobs), database=sqlite)


async def test_database_may_be_an_address(tmp_path: Path, start: Start) -> None:
    @job("good", on=Asked)
    async def good(ctx: JobContext[Asked]) -> str:
        return ctx.event.data.text

    engine = await start([good], database=f"sqlite:///{tmp_path}/engine.db")
    sent = await engine.send(Asked(text="x"))
    assert await engine.result(sent.run_ids[0], 5) == "x"
    assert (tmp_path / "engine.db").exists()


def test_addresses_of_databases() -> None:
    assert database_at("sqlite:///jobs/engine.db") == SqliteDatabase(Path("jobs/engine.db"))
    assert database_at("sqlite:////var/engine.db") == SqliteDatabase(Path("/var/engine.db"))
    assert database_at("engine.db") == SqliteDatabase(Path("engine.db"))
    assert database_at(Path("engine.db")) == SqliteDatabase(Path("engine.db"))
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        found = database_at(f"{scheme}://me:secret@db/engine")
        assert isinstance(found, PostgresDatabase)
        assert found.libpq == "postgresql://me:secret@db/engine"


@pytest.mark.parametrize(
    "address",
    ["", "sqlite://", "sqlite:///:memory:", "mysql://root:secret@db/x", "postgresql:x", 5, None],
)
def test_database_that_is_none_is_refused_without_its_password(address: Any) -> None:
    with pytest.raises(BadDatabase, match="sqlite:///") as refused:
        Engine(jobs=[], database=address)
    assert "secret" not in str(refused.value)
