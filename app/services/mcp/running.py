"""Calls under way, each in a task of its own: found again by what names it, and ended by that."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio

T = TypeVar("T")


class CallCancelled(Exception):
    """The client has cancelled the call; all of it has ended."""


ENDED_S = 30.0  # a sandbox needs a second at most to end all that it holds


@dataclass(frozen=True)
class CallKey:
    """What a client names a call by: its session, and the id of the request in it."""

    token_hash: str
    session: str
    request_id: str


class RunningCalls:
    """Runs calls apart from the tasks that wait for them.

    The SDK cancels by anyio's rule: again at each await, until its scope is left. Our tools clean
    up behind one cancel, so they get one, and whoever waits goes on when they have ended.
    """

    def __init__(self) -> None:
        self._tasks = asyncio.TaskGroup()
        self._named: dict[CallKey, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        """Open."""
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what runs."""
        await self._tasks.__aexit__(kind, error, trace)

    async def run(self, key: CallKey | None, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `work` gives. When the caller is cancelled, it has ended before that passes on.

        Raises:
            CallCancelled: it was cancelled by its key.
        """
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        task = self._tasks.create_task(_into(result, work))
        if key is not None:
            self._named[key] = task
        try:
            return await result
        finally:
            if key is not None and self._named.get(key) is task:
                del self._named[key]
            if not task.done():
                task.cancel()
                with anyio.CancelScope(shield=True), suppress(TimeoutError):
                    async with asyncio.timeout(ENDED_S):
                        await asyncio.wait([task])

    def cancel(self, key: CallKey) -> None:
        """End a call, if it runs here."""
        if (task := self._named.get(key)) is not None:
            task.cancel()

    def cancel_session(self, token_hash: str, session: str) -> None:
        """End all calls of a session."""
        for key, task in list(self._named.items()):
            if (key.token_hash, key.session) == (token_hash, session):
                task.cancel()


async def _into(result: "asyncio.Future[T]", work: Callable[[], Coroutine[Any, Any, T]]) -> None:
    """Run the work; nothing is raised here, where it would end the calls beside it."""
    try:
        value = await work()
    except asyncio.CancelledError:
        if not result.done():
            result.set_exception(CallCancelled())
        raise
    except Exception as error:  # noqa: BLE001 - whoever waits gets it
        if not result.done():
            result.set_exception(error)
    else:
        if not result.done():
            result.set_result(value)
