"""Rate limits on the wire: each header is kept to, by every turn of the process."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from core.clock import ManualClock
from llm.faults import Overloaded, RateLimited, StreamBroken
from llm.model import TextPart, TurnEnded
from llm.retry import Patience
from tests.llm.test_frames_properties import GOOD
from tests.support.provider import Answer, events, said, wire_server
from tests.support.scripted_model import ADAPTERS, ask, model_at

pytestmark = pytest.mark.parametrize("protocol", sorted(ADAPTERS))

PATIENT = Patience(attempts=3, first_s=0.01, cap_s=0.02, retry_after_cap_s=20, idle_s=5)
LIMITED = {"error": {"type": "rate_limit_error", "message": "slow down"}}


def in_s(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)  # noqa: TID251 - headers are on wall time


def good(protocol: str) -> Answer:
    return events(protocol, GOOD[protocol])


@pytest.mark.parametrize(
    "header",
    [
        lambda: {"retry_after": "600"},
        lambda: {"retry_after_ms": "600000"},
        lambda: {"retry_after": format_datetime(in_s(600), usegmt=True)},
        lambda: {
            "anthropic_ratelimit_tokens_remaining": "0",
            "anthropic_ratelimit_tokens_reset": in_s(600).isoformat(),
        },
        lambda: {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "10m0s"},
        lambda: {"x_ratelimit_reset": str(int(in_s(600).timestamp() * 1000))},
    ],
    ids=["seconds", "milliseconds", "date", "anthropic", "openai", "openrouter"],
)
async def test_a_long_wait_is_the_callers_with_its_time(
    protocol: str, header: Callable[[], dict[str, str]]
) -> None:
    async with (
        wire_server(said(429, LIMITED, **header())) as server,
        model_at(protocol, server.url, PATIENT) as model,
    ):
        expected = in_s(600)
        with pytest.raises(RateLimited) as caught:
            await anext(model.stream(ask()))
    assert len(server.requests) == 1
    assert abs((caught.value.retry_at - expected).total_seconds()) < 20
    assert caught.value.retry_after_s == pytest.approx(600, abs=20)


async def test_a_short_wait_is_made_in_place(protocol: str) -> None:
    async with (
        wire_server(said(429, LIMITED, retry_after_ms="300"), good(protocol)) as server,
        model_at(protocol, server.url, PATIENT) as model,
    ):
        *_, last = [event async for event in model.stream(ask())]
    assert isinstance(last, TurnEnded)
    assert TextPart("Hi") in last.turn.message.parts
    assert len(server.requests) == 2


async def test_no_turn_asks_before_the_time(protocol: str) -> None:
    clock = ManualClock(datetime(2026, 11, 27, 12, tzinfo=UTC))
    async with (
        wire_server(said(429, LIMITED, retry_after="600"), good(protocol)) as server,
        model_at(protocol, server.url, PATIENT, clock=clock) as model,
    ):
        for passed_s in (0, 1, 500):
            clock.advance(passed_s)
            with pytest.raises(RateLimited) as caught:
                await anext(model.stream(ask()))
            assert caught.value.retry_at == datetime(2026, 11, 27, 12, 10, tzinfo=UTC)
        assert len(server.requests) == 1
        clock.advance(99)
        assert [event async for event in model.stream(ask())]
    assert len(server.requests) == 2


async def test_an_overload_that_names_a_time_is_kept_to(protocol: str) -> None:
    clock = ManualClock(datetime(2026, 11, 27, 12, tzinfo=UTC))
    async with (
        wire_server(said(529, {}, retry_after="60")) as server,
        model_at(protocol, server.url, PATIENT, clock=clock) as model,
    ):
        for _ in range(2):
            with pytest.raises(Overloaded, match="overloaded") as caught:
                await anext(model.stream(ask()))
            assert caught.value.retry_at == datetime(2026, 11, 27, 12, 1, tzinfo=UTC)
    assert len(server.requests) == 1


async def test_who_tops_up_an_account_need_not_start_again(protocol: str) -> None:
    clock = ManualClock(datetime(2026, 11, 27, 12, tzinfo=UTC))
    month = str(30 * 86_400)
    async with (
        wire_server(said(429, LIMITED, retry_after=month), good(protocol)) as server,
        model_at(protocol, server.url, PATIENT, clock=clock) as model,
    ):
        with pytest.raises(RateLimited):
            await anext(model.stream(ask()))
        clock.advance(901)
        assert [event async for event in model.stream(ask())]
    assert len(server.requests) == 2


async def test_a_rate_limit_in_the_middle_closes_the_gate_too(protocol: str) -> None:
    clock = ManualClock(datetime(2026, 11, 27, 12, tzinfo=UTC))
    error: dict[str, Any] = {
        "type": "error",
        "error": {"type": "rate_limit_error", "details": [{"retryDelay": "60s"}]},
    }
    begun = GOOD[protocol][:3]
    async with (
        wire_server(events(protocol, [*begun, error])) as server,
        model_at(protocol, server.url, PATIENT, clock=clock) as model,
    ):
        with pytest.raises(StreamBroken):
            assert [event async for event in model.stream(ask())]
        with pytest.raises(RateLimited):
            await anext(model.stream(ask()))
    assert len(server.requests) == 1
