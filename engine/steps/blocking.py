"""Plain functions as jobs and steps: each call runs in a thread of its own."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def awaits(fn: Callable[..., Any]) -> bool:
    """Whether a function is called on the loop: an async one, a wrapper of one, or a lambda.

    A lambda is how an async call is often written; a function that blocks is given itself.
    """
    target: Any = fn
    while isinstance(target, partial):
        target = cast("partial[Any]", target).func
    target = inspect.unwrap(target)
    if inspect.iscoroutinefunction(target) or getattr(target, "__name__", "") == "<lambda>":
        return True
    return not isinstance(target, type) and inspect.iscoroutinefunction(
        getattr(target, "__call__", None)  # noqa: B004 - it is looked at, not called
    )


async def called(
    fn: Callable[P, Awaitable[T]] | Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """What a function returns: an async one on the loop, a plain one in a thread.

    A thread cannot be interrupted: a cancel waits until the function has returned.
    """
    call = partial(fn, *args, **kwargs)
    outcome = call() if awaits(fn) else await in_thread(call)
    return await outcome if inspect.isawaitable(outcome) else cast("T", outcome)


async def in_thread(call: Callable[[], T]) -> T:
    """Run something that blocks, as long as it takes, in the context of who asks for it."""
    waiting = asyncio.wrap_future(_started(call))
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        await asyncio.wait({waiting})
        raise
    finally:
        _seen(waiting)


class Stopped(asyncio.CancelledError):
    """What a thread hears that asks for something after its run has been stopped."""


_Asked = tuple[Callable[[], Coroutine[Any, Any, Any]], Future[Any]]


class Bridge:
    """Lets a thread have what only the loop can do; the task that waits for the thread does it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked: asyncio.Queue[_Asked | None] = asyncio.Queue()

    def ask(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What a coroutine function returns on the loop; called in the thread."""
        answer: Future[T] = Future()
        self._loop.call_soon_threadsafe(self._asked.put_nowait, (work, answer))
        return answer.result()

    async def run(
        self, call: Callable[[], T], busy: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> T:
        """Run `call` in a thread, and what it asks for in this task; `busy` is around the rest."""
        over = _started(call)
        over.add_done_callback(
            lambda _: self._loop.call_soon_threadsafe(self._asked.put_nowait, None)
        )
        waiting = asyncio.wrap_future(over)
        try:
            while True:
                with busy():
                    asked = await self._asked.get()
                if asked is None:
                    return over.result()
                await _answer(*asked)
        except asyncio.CancelledError:
            while not over.done():
                asked = await self._asked.get()
                if asked is not None:
                    asked[1].set_exception(Stopped())
            raise
        finally:
            _seen(waiting)


async def _answer(work: Callable[[], Coroutine[Any, Any, T]], answer: Future[T]) -> None:
    try:
        value = await work()
    except BaseException as error:
        answer.set_exception(error)
        if not isinstance(error, Exception):
            raise
    else:
        answer.set_result(value)


def _started(call: Callable[[], T]) -> Future[T]:
    over: Future[T] = Future()
    context = copy_context()

    def work() -> None:
        try:
            value = context.run(call)
        except StopIteration as error:  # a future of asyncio takes none
            over.set_exception(RuntimeError(f"StopIteration: {error}"))
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            over.set_exception(error)
        else:
            over.set_result(value)

    # Not of a pool: a few that block for long must not keep others from starting. A daemon, so that
    # one that never returns does not keep the process from ending.
    threading.Thread(target=work, name="engine-plain-function", daemon=True).start()
    return over


def _seen(outcome: asyncio.Future[Any]) -> None:
    """Its error is not one that nobody has looked at: who asked for it has been stopped."""
    if outcome.done() and not outcome.cancelled():
        outcome.exception()
