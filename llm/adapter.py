"""A model behind a provider's SDK: what the adapters have in common."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from core.clock import Clock, SystemClock
from llm.catalog import Catalog
from llm.crowd import Crowd
from llm.exchange import Judge, Reading, Sdk, exchanged
from llm.gate import Gate
from llm.model import ModelEvent, ModelRequest
from llm.prefix import PrefixWatch
from llm.providers import Provider
from llm.retry import Patience, retrying
from llm.wire import Response, Sent


class Client(Protocol):
    """An SDK's client."""

    async def close(self) -> None:
        """Close all connections."""
        ...


C = TypeVar("C", bound=Client)


class SdkModel(ABC, Generic[C]):
    """See `Model`. Close it, or use it as an async context manager, to free its connections."""

    sdk: ClassVar[Sdk]

    def __init__(  # noqa: PLR0913 - what wiring decides, each with a default
        self,
        model: str,
        *,
        api_key: str,
        provider: Provider,
        catalog: Catalog | None = None,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._model = model
        self._provider = provider
        self._patience = patience or Patience()
        self._facts = (catalog or Catalog.default()).facts(self.name)
        self._clock = clock or SystemClock()
        self._gate = Gate(self._clock)
        self._crowd = Crowd()
        self._prefixes = PrefixWatch(self.name, provider.protocol)
        self._client = self._connected(api_key)

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self._provider.name}/{self._model}"

    @property
    def context_window(self) -> int:
        """As the catalog says."""
        return self._facts.context_window

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`."""
        events = retrying(
            lambda: self._attempt(request), self._patience, model=self.name, gate=self._gate
        )
        async with aclosing(events):
            async for event in events:
                yield event

    async def _attempt(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        events = exchanged(
            self._response(request),
            self._reading(self._clock.now()),
            facts=self._facts,
            limits=self._patience.limits(self._facts.first_byte_s),
            judge=Judge(self.name, self._clock, self._provider),
            sdk=self.sdk,
            crowd=self._crowd,
        )
        async with aclosing(events):
            async for event in events:
                yield event

    @abstractmethod
    def _connected(self, api_key: str) -> C:
        """A client that does not try again itself: `retrying` knows the rules of the port."""

    def _response(self, request: ModelRequest) -> AbstractAsyncContextManager[Response]:
        body = self._body(request)
        self._prefixes.sent(request.cache_key, body)
        if request.wire is None:
            return self._asked(body)
        facts = self._facts.model_dump(mode="json", exclude_defaults=True)
        sent = Sent(self.name, self._provider, facts, body, self.sdk.status_error_of)
        return request.wire.through(sent, partial(self._asked, body))

    @abstractmethod
    def _body(self, request: ModelRequest) -> dict[str, Any]:
        """The body of the request to the provider."""

    @abstractmethod
    def _asked(self, body: Mapping[str, Any]) -> AbstractAsyncContextManager[Response]:
        """One request, sent when it is entered."""

    @abstractmethod
    def _reading(self, now: datetime) -> Reading:
        """What reads the answer to a request that is sent now."""
