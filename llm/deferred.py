"""A model whose adapter, and with it the provider's SDK, is imported when it is needed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from core.collection import paused_collection
from llm.catalog import Catalog
from llm.closing import free
from llm.model import Model, ModelEvent, ModelRequest


class DeferredModel:
    """A model that `make` imports and makes in a thread, at the first request or at `prepare`.

    An SDK takes most of a second to import, which a start need not wait for.
    """

    def __init__(
        self, name: str, make: Callable[[], Model], *, catalog: Catalog | None = None
    ) -> None:
        self._name = name
        self._facts = (catalog or Catalog.default()).facts(name)
        self._make = make
        self._made: Model | None = None
        self._making = asyncio.Lock()

    @property
    def name(self) -> str:
        """`provider/model`."""
        return self._name

    @property
    def context_window(self) -> int:
        """Tokens that request and answer may have together."""
        return self._facts.context_window

    async def prepare(self) -> None:
        """Have it at hand before somebody waits for an answer."""
        await self.made()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`."""
        async with aclosing((await self.made()).stream(request)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        """Free its connections, if it was ever made."""
        async with self._making:
            if self._made is not None:
                await free(self._made)

    async def made(self) -> Model:
        """The model itself."""
        async with self._making:
            if self._made is None:
                with paused_collection():
                    self._made = await asyncio.to_thread(self._make)
            return self._made
