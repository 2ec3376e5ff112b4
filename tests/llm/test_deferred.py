"""A model that is made when it is needed is the model that it makes."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from llm.catalog import UNKNOWN, Catalog
from llm.closing import freed
from llm.deferred import DeferredModel
from llm.fallback import FallbackModel
from llm.model import Model, ModelEvent, ModelRequest, TextDelta

REQUEST = ModelRequest(system="", messages=())


class Counting:
    """Says one text for ever, and counts the streams that were closed."""

    def __init__(self) -> None:
        self.closed = 0
        self.freed = 0

    async def aclose(self) -> None:
        self.freed += 1

    @property
    def name(self) -> str:
        return "acme/one"

    @property
    def context_window(self) -> int:
        return UNKNOWN.context_window

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        del request
        try:
            while True:
                yield TextDelta("again")
        finally:
            self.closed += 1


async def first(model: Model) -> ModelEvent:
    async with aclosing(model.stream(REQUEST)) as events:
        return await anext(events)


async def test_it_is_made_once_and_off_the_event_loop_whoever_asks_first() -> None:
    made = Counting()
    made_in: list[threading.Thread] = []

    def make() -> Model:
        made_in.append(threading.current_thread())
        return made

    model = DeferredModel("acme/one", make)
    assert model.name == "acme/one"
    assert model.context_window == Catalog.default().facts("acme/one").context_window
    assert made_in == []
    events = await asyncio.gather(first(model), model.prepare(), first(model))
    assert events == [TextDelta("again"), None, TextDelta("again")]
    assert len(made_in) == 1
    assert made_in != [threading.main_thread()]
    assert made.closed == 2  # closing its stream closes the stream below


async def test_what_breaks_while_it_is_made_is_raised_to_who_asks() -> None:
    def make() -> Model:
        raise ModuleNotFoundError("no such SDK")

    model = DeferredModel("acme/one", make)
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no such SDK"):
            await first(model)


async def test_what_it_holds_is_freed_with_it_and_nothing_is_made_for_that() -> None:
    asked, unasked = Counting(), DeferredModel("acme/two", lambda: pytest.fail("it was made"))
    model = FallbackModel([DeferredModel("acme/one", lambda: asked), unasked])
    async with freed(model):
        await first(model)
        assert asked.freed == 0
    assert asked.freed == 1
