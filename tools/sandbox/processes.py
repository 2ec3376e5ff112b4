"""Servers and watchers that go on between calls: owned by the worker, bounded, dead with it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Self

from core.clock import Clock, SystemClock
from core.errors import Conflict, NotFound
from tools.sandbox.port import Confined
from tools.sandbox.running import Limits, Receipt, Running
from tools.sandbox.sandbox import Sandbox

log = logging.getLogger(__name__)

PER_PROJECT = 5
PER_WORKER = 40
KEPT_BYTES = 256 * 1024  # of output, of each; what is older is dropped
SHOWN_BYTES = 16 * 1024  # of output, of each, for people: whether or not an agent has read it
LIFETIME_S = 4 * 3600.0
OUTPUT_BYTES = 1024 * 1024 * 1024  # in all; who writes more does nothing else
CHECK_S = 2.0  # how often is looked whether the project is still there
ENDED_KEPT = 20  # processes of a worker that have ended and can still be read


class NoSuchProcess(NotFound):
    """No process of this project has that id."""

    code = "no_such_process"

    def __init__(self, process_id: str, known: Sequence[str]) -> None:
        there = f"There are: {', '.join(known)}." if known else "None is running."
        super().__init__(
            f"There is no process {process_id!r} in this project: it was never started, or ended "
            f"long ago, or with its worker. {there} Start it again with startProcess if needed."
        )


class TooManyProcesses(Conflict):
    """No further process may be started."""

    code = "too_many_processes"


@dataclass
class Process:
    """One that was started; `receipt` says how it ended, once it has."""

    process_id: str
    command: str
    folder: Path
    started_at: datetime
    shown: bytearray = field(default_factory=bytearray)
    output: bytearray = field(default_factory=bytearray)
    dropped_bytes: int = 0
    receipt: Receipt | None = None
    running: Running | None = None
    follower: Callable[[bytes], None] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, data: bytes) -> None:
        """Keep what it wrote; only the newest has room."""
        if self.follower is not None:
            self.follower(data)
        self.shown += data
        del self.shown[:-SHOWN_BYTES]
        self.output += data
        surplus = len(self.output) - KEPT_BYTES
        if surplus > 0:
            del self.output[:surplus]
            self.dropped_bytes += surplus
        self.news.set()

    def unread(self) -> tuple[bytes, int]:
        """What it wrote since this was last asked, and how many bytes before that were dropped."""
        found = bytes(self.output), self.dropped_bytes
        self.output.clear()
        self.dropped_bytes = 0
        self.news.clear()
        return found


class Processes:
    """The processes of a worker that outlive the calls that started them."""

    def __init__(self, sandbox: Sandbox, clock: Clock | None = None) -> None:
        self._sandbox = sandbox
        self._clock = clock or SystemClock()
        self._numbers = count(1)
        self._known: dict[str, Process] = {}
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        """Begin to look after processes."""
        await self._tasks.__aenter__()
        self._checking = self._tasks.create_task(self._check())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all of them, and wait until they are dead."""
        self._checking.cancel()
        for process in self._alive:
            self._stop(process)
        await self._tasks.__aexit__(None, None, None)

    def are_running_in(self, folder: Path) -> bool:
        """Whether one of them works in that folder."""
        return any(process.folder == folder for process in self._alive)

    async def start(
        self,
        confined: Confined,
        command: str,
        *,
        follower: Callable[[bytes], None] | None = None,
    ) -> Process:
        """Start one; `follower` also gets its output. Raises: TooManyProcesses, NoSandbox."""
        beside = [process for process in self._alive if process.folder == confined.folder]
        if len(beside) >= PER_PROJECT:
            names = ", ".join(f"{it.process_id} ({it.command[:40]})" for it in beside)
            raise TooManyProcesses(
                f"{PER_PROJECT} processes run in this project already: {names}. "
                "Stop one with stopProcess first."
            )
        if len(self._alive) >= PER_WORKER:
            raise TooManyProcesses("This worker runs too many processes already. Try again later.")
        process = Process(
            f"p{next(self._numbers)}",
            command,
            confined.folder,
            self._clock.now(),
            follower=follower,
        )
        self._known[process.process_id] = process  # before the start, so that it counts
        try:
            limits = Limits(timeout_s=LIFETIME_S, output_bytes=OUTPUT_BYTES)
            running = await self._sandbox.start(
                confined, limits, on_output=process.take, is_reachable=True
            )
        except BaseException:
            del self._known[process.process_id]
            raise
        process.running = running
        self._tasks.create_task(self._finish(process, running))
        return process

    def of(self, folder: Path) -> list[Process]:
        """Those of a project by their start, with some that have ended."""
        return [process for process in self._known.values() if process.folder == folder]

    def find(self, process_id: str, folder: Path) -> Process:
        """That of a project. Raises: NoSuchProcess."""
        found = self._known.get(process_id)
        if found is None or found.folder != folder:
            raise NoSuchProcess(process_id, [it.process_id for it in self.of(folder)])
        return found

    async def stop(self, process: Process) -> None:
        """End it with all that it has started, and wait until it is dead."""
        self._stop(process)
        await process.ended.wait()

    @property
    def _alive(self) -> list[Process]:
        return [process for process in self._known.values() if process.receipt is None]

    @staticmethod
    def _stop(process: Process) -> None:
        if process.running is not None:
            process.running.stop()

    async def _finish(self, process: Process, running: Running) -> None:
        try:
            process.receipt = await running.finish()
        except OSError:  # the others have to go on
            log.exception("process_lost", extra={"process_id": process.process_id})
            del self._known[process.process_id]
        process.ended.set()
        process.news.set()
        self._forget_old()

    def _forget_old(self) -> None:
        ended = [it.process_id for it in self._known.values() if it.receipt is not None]
        for process_id in ended[:-ENDED_KEPT]:
            del self._known[process_id]

    async def _check(self) -> None:
        """End those whose project is gone."""
        while True:
            await asyncio.sleep(CHECK_S)
            for process in self._alive:
                if not await asyncio.to_thread(process.folder.exists):
                    self._stop(process)
