"""Models that hold connections, and when those are freed."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, TypeVar, runtime_checkable

from llm.model import Model

M = TypeVar("M", bound=Model)


@runtime_checkable
class HoldsConnections(Protocol):
    """A model over a network, or what stands for some."""

    async def aclose(self) -> None:
        """Free them; nothing is asked any more."""
        ...


async def free(*models: Model) -> None:
    """Free the connections of models, of which one may stand in for another."""
    async with AsyncExitStack() as stack:
        for model in models:
            if isinstance(model, HoldsConnections):
                stack.push_async_callback(model.aclose)


@asynccontextmanager
async def freed(model: M) -> AsyncGenerator[M]:
    """The model, for the block."""
    try:
        yield model
    finally:
        await free(model)
