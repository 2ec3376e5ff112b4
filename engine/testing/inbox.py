"""Events and signals on their way to runs in memory: the waits, and which of them each answers."""

import asyncio
from collections.abc import Iterable
from typing import Self

from engine.errors import NonRetriable, RunLost
from engine.events import WireEvent
from engine.expressions import path_value
from engine.live import LiveRun
from engine.steps.journal import Answer
from engine.steps.waits import NEVER_MS, NewWait, WaitKey, holds
from engine.storage import codec
from engine.testing.given import Signal
from engine.testing.time import VirtualTime, settle


class _Wait:
    """What the engine has a row for: a wait that has begun, until its answer is recorded."""

    def __init__(self, wait: NewWait) -> None:
        self.wait = wait
        self.answer: Answer | None = None
        self.waiter: asyncio.Future[Answer | None] | None = None

    def take(self, answer: Answer) -> bool:
        """Be answered; False where it has been, or is late."""
        late = self.waiter is not None and self.waiter.done()
        if self.answer is not None or late:
            return False
        self.answer = answer
        if self.waiter is not None:
            settle(self.waiter, answer)
        return True


class Inbox:
    """The waits of the runs of a test, and what has come before them."""

    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        self._started_ms: dict[str, int] = {}
        self._waits: dict[WaitKey, _Wait] = {}
        self._seen: list[tuple[int, WireEvent]] = []
        self._had: set[tuple[str, str]] = set()
        self._kept: list[WireEvent | Signal] = []

    def starts(self, run_id: str) -> None:
        """A run starts now: what comes from now on may answer its waits."""
        self._started_ms.setdefault(run_id, self.time.now_ms())

    def keep(self, comes: WireEvent | Signal) -> None:
        """Keep something for the first wait that it fits."""
        self._kept.append(comes)

    def deliver(self, event: WireEvent) -> None:
        """An event has come: it answers every wait that it fits."""
        self._seen.append((self.time.now_ms(), event))
        for each in self._waits.values():
            if _fits(each.wait, event) and each.take(event.as_json()):
                self._had.add((each.wait.run_id, event.id))
        self.time.touch()

    def signal(self, signal: Signal) -> None:
        """A signal has come: it answers the wait for it, if there is one."""
        for each in self._waits.values():
            if each.wait.signal == signal.name:
                each.take({"signal": signal.data})
        self.time.touch()

    def waiting(self, wait: NewWait, live: LiveRun) -> "MemoryWaiting":
        """A wait of a run that executes."""
        return MemoryWaiting(self, wait, live)

    def awaited(self) -> Iterable[NewWait]:
        """What runs wait for now."""
        return [each.wait for each in self._waits.values() if each.waiter is not None]

    def check_free(self, wait: NewWait) -> None:
        """Raise NonRetriable where another wait has this signal."""
        for key, other in self._waits.items():
            taken = wait.signal is not None and other.wait.signal == wait.signal
            if taken and other.answer is None and key != wait.key:
                raise NonRetriable(f"run {key[0]!r} already waits for signal {wait.signal!r}")

    def begin(self, wait: NewWait) -> _Wait:
        """Begin a wait, which what has come before may answer; or find the one that has begun."""
        self.check_free(wait)
        found = self._waits.get(wait.key)
        if found is None:
            found = self._waits[wait.key] = _Wait(wait)
            found.answer = self._kept_for(wait) or self._look_back(wait)
        return found

    def forget(self, key: WaitKey) -> None:
        """A wait's answer, or that there was none, has been recorded."""
        self._waits.pop(key, None)

    def _kept_for(self, wait: NewWait) -> Answer | None:
        for kept in self._kept:
            fits = kept.name == wait.signal if isinstance(kept, Signal) else _fits(wait, kept)
            if fits:
                self._kept.remove(kept)
                return {"signal": kept.data} if isinstance(kept, Signal) else kept.as_json()
        return None

    def _look_back(self, wait: NewWait) -> Answer | None:
        if wait.look_back_ms == 0:
            return None
        since_ms = (
            self._started_ms[wait.run_id]
            if wait.look_back_ms is None
            else self.time.now_ms() - wait.look_back_ms
        )
        for at_ms, event in self._seen:
            is_new = (wait.run_id, event.id) not in self._had and event.id != wait.cause.id
            if at_ms >= since_ms and is_new and _fits(wait, event):
                self._had.add((wait.run_id, event.id))
                return event.as_json()
        return None


class MemoryWaiting:
    """One execution's wait."""

    _begun: _Wait

    def __init__(self, inbox: Inbox, wait: NewWait, live: LiveRun) -> None:
        self._inbox = inbox
        self._wait = wait
        self._live = live

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """What it has begun stays, for the next execution."""

    async def open(self) -> Answer | None:
        """Begin it, or find it."""
        if self._live.stopped is not None:
            raise RunLost(self._wait.run_id)
        self._begun = self._inbox.begin(self._wait)
        return _stored(self._begun.answer)

    async def answer(self) -> Answer | None:
        """Wait in virtual time; the deadline is that of the first execution."""
        begun, time = self._begun, self._inbox.time
        if begun.answer is not None:  # it has come since
            return _stored(begun.answer)
        waiter = begun.waiter = asyncio.get_running_loop().create_future()
        timer, deadline_ms = None, begun.wait.deadline_ms
        if deadline_ms < NEVER_MS:
            left_s = (deadline_ms - time.now_ms()) / 1000
            timer = time.after(left_s, lambda: settle(waiter, None))
        time.touch()
        try:
            return _stored(await waiter)
        finally:
            begun.waiter = None
            if timer is not None:
                time.drop(timer)


def _stored(answer: Answer | None) -> Answer | None:
    """What comes out of a database: no two runs have one object."""
    return codec.loads(codec.dumps(answer))


def _fits(wait: NewWait, event: WireEvent) -> bool:
    if wait.event_name != event.name:
        return False
    if wait.match is not None and path_value(event.as_json(), wait.match[0]) != wait.match[1]:
        return False
    return wait.when is None or holds(wait.when, wait.cause, event)
