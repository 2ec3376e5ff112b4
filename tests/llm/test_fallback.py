"""The preference list, over real adapters."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest

from llm.anthropic_messages import AnthropicModel
from llm.fallback import FallbackModel
from llm.faults import ModelRefused, ModelUnauthorized, ModelUnavailable, StreamBroken
from llm.model import TurnEnded
from llm.openai_chat import OpenAIModel
from llm.retry import Patience
from llm.scripted.process import ScriptedModel, scripted_here
from tests.llm.conftest import anthropic_at, ask, openai_at, scenario

ONCE = Patience(attempts=1, idle_s=2)


class Pair(Protocol):
    """Starts two servers and the list of an Anthropic and an OpenAI model on them."""

    async def __call__(
        self, first: dict[str, Any], second: dict[str, Any]
    ) -> tuple[FallbackModel, ScriptedModel, ScriptedModel]: ...


@pytest.fixture
async def pair() -> AsyncGenerator[Pair]:
    async with AsyncExitStack() as stack:

        async def start(
            first: dict[str, Any], second: dict[str, Any]
        ) -> tuple[FallbackModel, ScriptedModel, ScriptedModel]:
            one = await stack.enter_async_context(scripted_here(scenario(first)))
            two = await stack.enter_async_context(scripted_here(scenario(second)))
            models: list[AnthropicModel | OpenAIModel] = [
                await stack.enter_async_context(anthropic_at(one, ONCE)),
                await stack.enter_async_context(openai_at(two, ONCE)),
            ]
            return FallbackModel(models), one, two

        yield start


async def model_that_answered(model: FallbackModel) -> str:
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


@pytest.mark.parametrize("code", [401, 402, 404, 429, 500, 529])
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
    assert caught.value.retry_after_s == 600


async def test_one_that_may_answer_later_makes_the_whole_list_unavailable(pair: Pair) -> None:
    model, _, _ = await pair(status(401), status(529))
    with pytest.raises(ModelUnavailable, match="API key"):
        await model_that_answered(model)


async def test_all_refused_says_why_the_first_did(pair: Pair) -> None:
    model, _, _ = await pair(status(401), status(404))
    with pytest.raises(ModelUnauthorized):
        await model_that_answered(model)


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        FallbackModel([])
