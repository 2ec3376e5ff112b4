"""Threads that take turns between those who ask: what a caller waits for is not behind a crowd."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class WorkQueue:
    """Work that is done in the order it came, a thread at a time."""

    def __init__(self, pool: "SharedPool") -> None:
        self._pool = pool
        self.waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()

    async def run(self, work: Callable[[], T]) -> T:
        """Run something that blocks. What has begun is finished, also when nobody waits for it."""
        future: Future[T] = Future()
        self.waiting.append((future, work))
        self._pool.submit()
        return await asyncio.wrap_future(future)


class SharedPool:
    """A few threads for several queues: whichever has waited while another was served is next."""

    def __init__(self, threads: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._queues: deque[WorkQueue] = deque()
        self._choosing = threading.Lock()

    def queue(self) -> WorkQueue:
        """One queue more."""
        queue = WorkQueue(self)
        self._queues.append(queue)
        return queue

    def submit(self) -> None:
        """Something has been put into a queue."""
        self._threads.submit(self._do_next)

    def close(self) -> None:
        """Let what has been asked for end, and give the threads back."""
        self._threads.shutdown(wait=True)

    def _do_next(self) -> None:
        future, work = self._next()
        if not future.set_running_or_notify_cancel():
            return
        try:
            done = work()
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            future.set_exception(error)
        else:
            future.set_result(done)

    def _next(self) -> tuple[Future[Any], Callable[[], Any]]:
        with self._choosing:
            while True:
                queue = self._queues[0]
                self._queues.rotate(-1)
                if queue.waiting:
                    return queue.waiting.popleft()
