"""The runs that execute in this process, and who waits for them to end."""

import asyncio
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

StopReason = Literal["cancelled", "handed over"]


@dataclass(eq=False, slots=True)
class LiveRun:
    """A run that executes in this process."""

    run_id: str
    job_id: str
    task: asyncio.Task[Any]
    stopped: StopReason | None = None
    draining: bool = False
    """Whether it must stop before its next step."""
    suspended: int = 0
    """How many of its branches sleep or wait."""
    proved_at: float | None = None
    """When, at the latest, this process was known to have it, by the monotonic clock of the
    machine; None while that is not known, as of a run that was cancelled while it started."""
    among: "LiveRuns | None" = None

    @property
    def has_ended(self) -> bool:
        """Whether its outcome is stored, or never will be by this process."""
        return self.task.done()

    @property
    def must_not_go_on(self) -> bool:
        """Whether no further step may start here."""
        return self.draining or self.stopped is not None

    def stop(self, reason: StopReason) -> None:
        """Interrupt it: CancelledError reaches whatever it awaits, and no further step starts."""
        if self.stopped is None:
            self.stopped = reason
            self.task.cancel()

    def asleep(self) -> "_Asleep":
        """While one of its branches waits, it does not count as executing."""
        return _Asleep(self)

    def suspend(self) -> None:
        """A branch has gone to sleep."""
        self.suspended += 1
        if self.suspended == 1 and self.among is not None:
            self.among.has_suspended(self)

    def resume(self) -> None:
        """A branch has woken."""
        self.suspended -= 1
        if self.suspended == 0 and self.among is not None:
            self.among.has_resumed(self)


class _Asleep:  # a generator in each of many thousand sleeping runs would be seen in its memory
    __slots__ = ("_run",)

    def __init__(self, run: LiveRun) -> None:
        self._run = run

    def __enter__(self) -> None:
        self._run.suspend()

    def __exit__(self, *_: object) -> None:
        self._run.resume()


class Heard:
    """The runs of which other processes have said that they execute them no more."""

    def __init__(self) -> None:
        self._missing: set[str] | None = None
        self._run_ids: set[str] = set()
        self._complete = asyncio.Event()

    def add(self, run_id: str) -> None:
        """This one has been told of."""
        self._run_ids.add(run_id)
        if self._missing is not None:
            self._missing.discard(run_id)
            if not self._missing:
                self._complete.set()

    async def all_of(self, run_ids: Iterable[str]) -> None:
        """Wait until each of these has been told of."""
        self._missing = set(run_ids) - self._run_ids
        if self._missing:
            await self._complete.wait()


class LiveRuns:
    """Every live run by id, and the waiters for runs anywhere."""

    def __init__(self, *, on_sleep: Callable[[], None], on_end: Callable[[str], None]) -> None:
        self._on_sleep = on_sleep
        self._on_end = on_end
        self._runs: dict[str, LiveRun] = {}
        self._executing: set[LiveRun] = set()
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._hearing: set[Heard] = set()
        self.draining = False
        """Whether what becomes live from now on must stop at once."""
        self.starting: dict[str, float | None] = {}
        """Runs that have been claimed and are about to be live: their `proved_at`."""
        self._cancelled_meanwhile: set[str] | None = None
        """Runs not known here that were cancelled since a claim began that has not ended."""
        self._keys: dict[str, str] = {}
        self.first_time: set[str] = set()
        """Runs about to start for the first time: nothing is recorded for them."""

    def add(self, run: LiveRun) -> None:
        """Track a run until its task is done, by when its outcome is stored."""
        earlier = self._runs.get(run.run_id)
        if earlier is not None:  # this process was taken for dead, and has claimed its run again
            earlier.stop("handed over")
        self._runs[run.run_id] = run
        self._executing.add(run)
        run.among = self
        run.proved_at = self.starting.pop(run.run_id, None)
        run.task.add_done_callback(lambda _: self._forget(run))
        if self.draining:
            run.stop("handed over")

    def claim_begins(self) -> None:
        """Remember cancels: the runs that they concern may have been claimed just before."""
        self._cancelled_meanwhile = set()

    def claim_ended(self, run_ids: Iterable[str], asked_at: float) -> None:
        """These have been claimed, in a transaction that began after `asked_at`."""
        cancelled, self._cancelled_meanwhile = self._cancelled_meanwhile or (), None
        self.starting |= {run_id: None if run_id in cancelled else asked_at for run_id in run_ids}

    def take_turns(self, keys: Mapping[str, str]) -> None:
        """These runs, by id, are about to be live, and each takes its turn under a key."""
        self._keys |= keys

    def not_started(self, run_id: str) -> None:
        """A run that was about to be live will not be."""
        self.starting.pop(run_id, None)
        self.first_time.discard(run_id)
        self._keys.pop(run_id, None)

    def held(self) -> Counter[str]:
        """How many runs of each key execute, or are about to."""
        run_ids = [*(run.run_id for run in self._executing), *self.starting]
        return Counter(self._keys[run_id] for run_id in run_ids if run_id in self._keys)

    def cancel(self, run_id: str) -> None:
        """Stop a run that has been cancelled; one that only starts will find out itself."""
        run = self._runs.get(run_id)
        if run is not None:
            run.stop("cancelled")
        elif run_id in self.starting:
            self.starting[run_id] = None
        elif self._cancelled_meanwhile is not None:
            self._cancelled_meanwhile.add(run_id)

    def _forget(self, run: LiveRun) -> None:
        if self._runs.get(run.run_id) is run:
            del self._runs[run.run_id]
            self._keys.pop(run.run_id, None)
        self._executing.discard(run)
        self.wake(run.run_id)
        self._on_end(run.run_id)

    def has_suspended(self, run: LiveRun) -> None:
        """A run has gone to sleep: there is room for another."""
        self._executing.discard(run)
        self._on_sleep()

    def has_resumed(self, run: LiveRun) -> None:
        """A run has woken."""
        self._executing.add(run)

    def get(self, run_id: str) -> LiveRun | None:
        """The run, if it is live here."""
        return self._runs.get(run_id)

    def all(self) -> list[LiveRun]:
        """Every live run."""
        return list(self._runs.values())

    def awake(self) -> list[LiveRun]:
        """Those that neither sleep nor wait."""
        return list(self._executing)

    def executing(self) -> int:
        """How many neither sleep nor wait, those about to start included."""
        return len(self._executing) + len(self.starting)

    @contextmanager
    def watching(self, run_id: str) -> Generator[asyncio.Event]:
        """An event that is set whenever the run may have ended."""
        event = asyncio.Event()
        self._waiting.setdefault(run_id, set()).add(event)
        try:
            yield event
        finally:
            waiting = self._waiting[run_id]
            waiting.discard(event)
            if not waiting:
                del self._waiting[run_id]

    @contextmanager
    def hearing(self) -> Generator[Heard]:
        """What other processes say from now on."""
        heard = Heard()
        self._hearing.add(heard)
        try:
            yield heard
        finally:
            self._hearing.discard(heard)

    def stopped_elsewhere(self, run_id: str) -> None:
        """Another process has said that nothing of the run executes there any more."""
        for heard in self._hearing:
            heard.add(run_id)
        self.wake(run_id)

    def wake(self, run_id: str) -> None:
        """Tell the waiters to look at the run."""
        for event in self._waiting.get(run_id, ()):
            event.set()
