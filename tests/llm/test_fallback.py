"""The preference list, over real adapters."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest
from aiohttp import web

from core.clock import Clock, ManualClock, SystemClock
from llm.circuit import FIRST_S
from llm.fallback import FallbackModel, preferring
from llm.faults import (
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    Overloaded,
    RateLimited,
    StreamBroken,
)
from llm.model import Model, TurnEnded
from llm.retry import Patience
from llm.scripted.process import ScriptedModel, scripted_here
from tests.support.scripted_model import ask, model_at, scenario

ONCE = Patience(attempts=1, idle_s=5)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
CLOCK = SystemClock()
NOBODY = "http://127.0.0.1:9"


Rules = dict[str, Any] | tuple[dict[str, Any], ...]


class Pair(Protocol):
    """Starts two servers and the list of an Anthropic and an OpenAI model on them."""

    async def __call__(
        self, first: Rules, second: Rules, *, clock: Clock = ..., patience: Patience = ...
    ) -> tuple[FallbackModel, ScriptedModel, ScriptedModel]: ...


@pytest.fixture
async def pair() -> AsyncGenerator[Pair]:
    async with AsyncExitStack() as stack:

        async def start(
            first: Rules, second: Rules, *, clock: Clock = CLOCK, patience: Patience = ONCE
        ) -> tuple[FallbackModel, ScriptedModel, ScriptedModel]:
            servers: list[ScriptedModel] = []
            for rules in (first, second):
                script = scenario(*(rules if isinstance(rules, tuple) else (rules,)))
                servers.append(await stack.enter_async_context(scripted_here(script)))
            one, two = servers
            models = [
                await stack.enter_async_context(model_at("anthropic", one.url, ONCE, clock=clock)),
                await stack.enter_async_context(model_at("openai", two.url, ONCE, clock=clock)),
            ]
            return FallbackModel(models, patience=patience, clock=clock), one, two

        yield start


def maker(stack: AsyncExitStack, protocol: str, url: str) -> Callable[[Patience], Model]:
    """Makes the adapter for a server, which is closed with the stack."""

    def make(patience: Patience) -> Model:
        model = model_at(protocol, url, patience)
        stack.push_async_callback(model.aclose)
        return model

    return make


async def model_that_answered(model: Model) -> str:
    events = [event async for event in model.stream(ask())]
    last = events[-1]
    assert isinstance(last, TurnEnded)
    return last.turn.model


def status(code: int, **more: Any) -> dict[str, Any]:
    return {"fault": {"kind": "status", "status": code, **more}}


async def test_the_first_answers_when_it_can(pair: Pair) -> None:
    model, _, second = await pair({"text": "a"}, {"text": "b"})
    assert (await model_that_answered(model)).startswith("anthropic/")
    assert await second.requests() == []
    assert model.name == "anthropic/claude-opus-5-5 > openai/gpt-6-sol"


@pytest.mark.parametrize("code", [401, 402, 404, 405, 429, 500, 529])
async def test_the_next_answers_when_the_first_cannot(pair: Pair, code: int) -> None:
    model, first, _ = await pair(status(code), {"text": "b"})
    assert (await model_that_answered(model)).startswith("openai/")
    assert len(await first.requests()) == 1


async def test_an_invalid_request_is_not_passed_on(pair: Pair) -> None:
    model, _, second = await pair(status(400), {"text": "b"})
    with pytest.raises(ModelRefused):
        await model_that_answered(model)
    assert await second.requests() == []


async def test_half_an_answer_is_not_continued_by_another_model(pair: Pair) -> None:
    fault = {"kind": "error_event", "after_chars": 5}
    model, _, second = await pair({"text": "a" * 50, "fault": fault}, {"text": "b"})
    with pytest.raises(StreamBroken):
        await model_that_answered(model)
    assert await second.requests() == []


async def test_all_unavailable_is_unavailable_for_the_shortest_time(pair: Pair) -> None:
    model, _, _ = await pair(status(429, retry_after_s=900), status(429, retry_after_s=600))
    with pytest.raises(ModelUnavailable, match="no model can answer now") as caught:
        await model_that_answered(model)
    assert isinstance(caught.value, RateLimited)
    assert caught.value.retry_after_s == pytest.approx(600, abs=5)


async def test_only_a_time_that_holds_for_all_is_named(pair: Pair) -> None:
    model, _, _ = await pair(status(429, retry_after_s=900), status(529))
    with pytest.raises(Overloaded, match="no model can answer now") as caught:
        await model_that_answered(model)
    assert caught.value.retry_at is None


async def test_one_that_may_answer_later_makes_the_whole_list_unavailable(pair: Pair) -> None:
    model, _, _ = await pair(status(401), status(529))
    with pytest.raises(ModelUnavailable, match="API key"):
        await model_that_answered(model)


async def test_all_refused_says_why_the_first_did(pair: Pair) -> None:
    model, _, _ = await pair(status(401), status(404))
    with pytest.raises(ModelUnauthorized):
        await model_that_answered(model)


async def test_a_model_that_is_down_is_not_asked_again_for_a_while(pair: Pair) -> None:
    clock = ManualClock(NOW)
    model, first, second = await pair(status(529), {"text": "b"}, clock=clock)
    for _ in range(3):
        await model_that_answered(model)
    assert len(await first.requests()) == 1
    assert len(await second.requests()) == 3
    clock.advance(FIRST_S)
    await model_that_answered(model)
    assert len(await first.requests()) == 2
    clock.advance(FIRST_S)  # twice as long, as it was still down
    await model_that_answered(model)
    assert len(await first.requests()) == 2


async def test_a_model_that_is_back_answers_again(pair: Pair) -> None:
    clock = ManualClock(NOW)
    rules = ({"times": 1, "reply": status(529)}, {"text": "a"})
    model, first, _ = await pair(rules, {"text": "b"}, clock=clock)
    assert (await model_that_answered(model)).startswith("openai/")
    clock.advance(FIRST_S)
    assert (await model_that_answered(model)).startswith("anthropic/")
    assert (await model_that_answered(model)).startswith("anthropic/")
    assert len(await first.requests()) == 3


async def test_one_request_looks_whether_a_model_is_back(pair: Pair) -> None:
    clock = ManualClock(NOW)
    rules = ({"times": 1, "reply": status(529)}, {"fault": {"kind": "hang", "after_chars": None}})
    model, first, _ = await pair(rules, {"text": "b"}, clock=clock)
    await model_that_answered(model)
    clock.advance(FIRST_S)
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(model_that_answered(model))
        await first.requests(until="started", count=2)
        assert (await model_that_answered(model)).startswith("openai/")
        assert len(await first.requests()) == 2
        looking.cancel()


async def test_a_rate_limited_model_is_asked_again_when_it_said(pair: Pair) -> None:
    clock = ManualClock(NOW)
    rules = ({"times": 1, "reply": status(429, retry_after_s=40)}, {"text": "a"})
    model, first, _ = await pair(rules, {"text": "b"}, clock=clock)
    await model_that_answered(model)
    clock.advance(39)
    assert (await model_that_answered(model)).startswith("openai/")
    clock.advance(1)
    assert (await model_that_answered(model)).startswith("anthropic/")
    assert len(await first.requests()) == 2


async def test_answers_that_break_off_twice_bring_the_next_model(pair: Pair) -> None:
    fault = {"kind": "error_event", "after_chars": 5}
    model, _, _ = await pair({"text": "a" * 50, "fault": fault}, {"text": "b"})
    for _ in range(2):
        with pytest.raises(StreamBroken):
            await model_that_answered(model)
    assert (await model_that_answered(model)).startswith("openai/")


async def test_a_list_that_is_down_is_tried_again_as_a_whole(pair: Pair) -> None:
    patience = Patience(attempts=3, first_s=0.01, idle_s=5)
    rules = ({"times": 2, "reply": status(529)}, {"text": "b"})
    model, first, second = await pair(status(529), rules, patience=patience)
    assert (await model_that_answered(model)).startswith("openai/")
    assert len(await first.requests()) == 3
    assert len(await second.requests()) == 3


@pytest.mark.parametrize("fault", ["hang", "refused", "silent"])
async def test_a_list_whose_first_model_is_dead_answers_within_seconds(fault: str) -> None:
    """It accepts and says nothing, refuses connections, or sends headers and nothing else."""
    loop = asyncio.get_running_loop()
    after_chars = None if fault == "hang" else 0
    dead = scenario({"fault": {"kind": "hang", "after_chars": after_chars}})
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(scripted_here(dead))
        two = await stack.enter_async_context(scripted_here(scenario({"text": "b"})))
        silent = await stack.enter_async_context(silent_server())
        url = {"hang": one.url, "refused": NOBODY, "silent": silent}[fault]
        model = preferring(
            [maker(stack, "anthropic", url), maker(stack, "openai", two.url)],
            Patience(),
            first_byte_s=0.5,
        )
        began_s = loop.time()
        assert (await model_that_answered(model)).startswith("openai/")
        assert loop.time() - began_s < 10  # of 90 s of patience with silence, on a busy machine


async def test_the_last_of_a_list_may_begin_late() -> None:
    slow = scenario({"text": "b", "pace": {"first_delay_s": 1.0}})
    async with scripted_here(slow) as two, AsyncExitStack() as stack:
        makers = [maker(stack, "anthropic", NOBODY), maker(stack, "openai", two.url)]
        model = preferring(makers, Patience(), first_byte_s=0.2)
        assert (await model_that_answered(model)).startswith("openai/")


async def test_a_list_of_one_is_that_model_with_all_patience() -> None:
    scripted = scenario({"text": "a", "pace": {"first_delay_s": 1.0}})
    async with scripted_here(scripted) as one, AsyncExitStack() as stack:
        model = preferring([maker(stack, "openai", one.url)], Patience(), first_byte_s=0.2)
        assert not isinstance(model, FallbackModel)
        assert (await model_that_answered(model)).startswith("openai/")


@asynccontextmanager
async def silent_server() -> AsyncGenerator[str]:
    """Sends the headers of a stream, and nothing after them."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    app = web.Application()
    app.router.add_post("/v1/messages", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        FallbackModel([])
