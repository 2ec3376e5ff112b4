"""A scripted model and an adapter on it, started by the test."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from llm.retry import Patience
from llm.scripted.process import scripted_here
from tests.support.scripted_model import ADAPTERS, QUICK, Play, Scripted, scenario


async def _player(stack: AsyncExitStack, protocol: str) -> Play:
    async def play(*rules: dict[str, Any], patience: Patience = QUICK, **fields: Any) -> Scripted:
        server = await stack.enter_async_context(scripted_here(scenario(*rules, **fields)))
        model = await stack.enter_async_context(ADAPTERS[protocol](server, patience))
        return Scripted(model, server)

    return play


@pytest.fixture(params=sorted(ADAPTERS))
async def play(request: pytest.FixtureRequest) -> AsyncGenerator[Play]:
    """Runs a test once with each adapter."""
    async with AsyncExitStack() as stack:
        yield await _player(stack, request.param)


@pytest.fixture
async def play_anthropic() -> AsyncGenerator[Play]:
    """Only the adapter for Anthropic."""
    async with AsyncExitStack() as stack:
        yield await _player(stack, "anthropic")


@pytest.fixture
async def play_responses() -> AsyncGenerator[Play]:
    """Only the adapter for OpenAI's Responses."""
    async with AsyncExitStack() as stack:
        yield await _player(stack, "responses")


@pytest.fixture
async def play_openai() -> AsyncGenerator[Play]:
    """Only the adapter for OpenAI."""
    async with AsyncExitStack() as stack:
        yield await _player(stack, "openai")
