"""RetryAfter: what it takes as the time of the next attempt, and what it refuses at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from engine import JobContext, RetryAfter, RetryPolicy, StepFailed, job
from engine.testing import TestEngine
from tests.engine.conftest import Start
from tests.engine.things import Asked

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PATIENT = RetryPolicy(max_attempts=2, min_timeout="1h", max_timeout="1h", randomize=False)


@pytest.mark.parametrize(
    ("after", "delay_s"),
    [
        (30, 30),
        (0.5, 0.5),
        (-5, 0),
        (-0.001, 0),
        ("1m30s", 90),
        ("-3.2s", 0),
        ("120", 120),
        ("-1", 0),
        (timedelta(minutes=1), 60),
        (timedelta(seconds=-1), 0),
        (NOW + timedelta(seconds=7), 7),
        (NOW - timedelta(days=1), 0),
        ("Fri, 27 Nov 2026 12:01:00 GMT", 60),
        ("Friday, 27-Nov-26 12:01:00 GMT", 60),
        ("Fri Nov 27 12:01:00 2026", 60),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("2026-11-27T12:00:10Z", 10),
        ("2026-11-27T13:00:10+01:00", 10),
    ],
)
def test_time_of_the_next_attempt(
    after: float | str | timedelta | datetime, delay_s: float
) -> None:
    assert RetryAfter("later", after).delay_s(NOW) == delay_s


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (datetime(2026, 11, 27), "has no time zone"),  # noqa: DTZ001 - that is what is refused
        ("2026-11-27T12:00:10", "has no time zone"),
        ("soon", 'write "30s", seconds, an HTTP date or ISO 8601'),
        ("", 'write "30s", seconds, an HTTP date or ISO 8601'),
        ("Fri, 99 Nov 2026 12:01:00 GMT", 'write "30s", seconds, an HTTP date or ISO 8601'),
        (float("nan"), "is no time"),
        (float("inf"), "is no time"),
        ("inf", "is no time"),
    ],
)
def test_what_is_no_time_is_refused_where_it_is_made(
    after: float | str | datetime, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        RetryAfter("later", after)


@pytest.mark.parametrize("where", ["step", "body"])
async def test_negative_number_tries_again_at_once(start: Start, where: str) -> None:
    @job("late", on=Asked, retries=PATIENT)
    async def late(ctx: JobContext[Asked]) -> int:
        async def turn() -> int:
            if ctx.attempt == 0:
                raise RetryAfter("that was a while ago", -30)
            return ctx.attempt

        return await (ctx.step.run("turn", turn) if where == "step" else turn())

    engine = await start([late])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == 1


async def test_http_date_is_waited_for() -> None:
    test_starts = datetime(2026, 1, 1, tzinfo=UTC)
    header = format_datetime(test_starts + timedelta(minutes=10), usegmt=True)

    @job("limited", on=Asked, retries=PATIENT)
    async def limited(ctx: JobContext[Asked]) -> int:
        async def turn() -> int:
            if ctx.attempt == 0:
                raise RetryAfter("429", header)
            return ctx.attempt

        return await ctx.step.run("turn", turn)

    outcome = await TestEngine(limited, event=Asked(), start_at=test_starts).execute()
    assert (outcome.result, outcome.took) == (1, timedelta(minutes=10))


async def test_time_without_a_zone_fails_the_attempt_that_made_it(start: Start) -> None:
    quick = RetryPolicy(max_attempts=2, min_timeout="1ms", max_timeout="1ms")

    @job("naive", on=Asked, retries=quick)
    async def naive(ctx: JobContext[Asked]) -> str:
        async def turn() -> None:
            await asyncio.sleep(0)
            raise RetryAfter("later", datetime(2099, 1, 1))  # noqa: DTZ001 - as above

        try:
            await ctx.step.run("turn", turn)
        except StepFailed as failed:
            return f"{failed.name} after {failed.attempts}: {failed.message}"
        return "not reached"

    engine = await start([naive])
    result = await engine.result((await engine.send(Asked())).run_ids[0], 5)
    assert result.startswith("ValueError after 2: datetime.datetime(2099, 1, 1, 0, 0) has no")
