"""The steps of one of several answers that a run writes: their names begin with which."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from agent.durable import Child, Durable

T = TypeVar("T")
R = TypeVar("R")


class Prefixed:
    """See `agent.durable.Durable`; each key has `prefix` and a slash before it."""

    def __init__(self, steps: Durable, prefix: str) -> None:
        self._steps = steps
        self._prefix = prefix

    def _named(self, key: str) -> str:
        return f"{self._prefix}/{key}"

    async def run(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:
        """As `Durable.run`."""
        return await self._steps.run(self._named(key), fn)

    async def sleep_until(self, key: str, at: datetime, /) -> None:
        """As `Durable.sleep_until`."""
        await self._steps.sleep_until(self._named(key), at)

    async def wait_for_signal(
        self,
        key: str,
        signal: str,
        /,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - durable: it survives this process
    ) -> Any:
        """As `Durable.wait_for_signal`."""
        return await self._steps.wait_for_signal(self._named(key), signal, timeout=timeout)

    async def wait_for_event(
        self,
        key: str,
        event: str,
        /,
        *,
        match: str | None = None,
        when: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - durable: it survives this process
    ) -> Any:
        """As `Durable.wait_for_event`."""
        return await self._steps.wait_for_event(
            self._named(key), event, match=match, when=when, timeout=timeout
        )

    async def invoke(self, key: str, child: Child[R], data: Mapping[str, Any], /) -> R:
        """As `Durable.invoke`."""
        return await self._steps.invoke(self._named(key), child, data)
