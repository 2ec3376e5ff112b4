"""The worker processes of one round, and the hand that kills and stops them."""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.crash.fuzz.journal import Journal
from tests.crash.fuzz.worker import LEASE_S

ANSWER_S = 30.0
LINE_BYTES = 1 << 24
START_S = 60.0  # a worker may die while it starts, and the machine may be busy
LINES, COMMITS = 60, 250  # by when a worker has died that is to die by itself


class WorkerGone(Exception):
    """It died, or was stopped, before it answered."""


@dataclass(eq=False)
class Worker:
    """One process. `is_open` says whether it takes orders."""

    name: str
    process: asyncio.subprocess.Process
    is_open: bool = False
    pending: dict[int, asyncio.Future[Any]] = field(default_factory=dict[int, Any])

    def close(self) -> None:
        """Take no more orders, and give up on those that were not answered."""
        self.is_open = False
        for future in self.pending.values():
            if not future.done():
                future.set_exception(WorkerGone(self.name))
        self.pending.clear()


class Fleet:
    """Starts workers again when they die; hands orders to any that lives."""

    def __init__(self, address: str, journal: Journal, *, size: int, chance: random.Random) -> None:
        self.deaths = 0
        self._address = address
        self._journal = journal
        self._size = size
        self._chance = chance
        self._workers: list[Worker] = []
        self._opened = asyncio.Condition()
        self._orders = 0
        self._names = 0
        self._needs_two = False
        self.calm = False
        """Whether workers that start from now on do not die by themselves."""

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep `size` workers alive; none is left at the end."""
        async with asyncio.TaskGroup() as lives:
            tasks = [lives.create_task(self._live()) for _ in range(self._size)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def ask(self, *order: object) -> Any:
        """Let a worker obey, or another one when it dies: an order must be safe twice."""
        while True:
            async with asyncio.timeout(START_S), self._opened:
                await self._opened.wait_for(self._open_workers)
                worker = self._chance.choice(self._open_workers())
            self._orders += 1
            answer = asyncio.get_running_loop().create_future()
            worker.pending[self._orders] = answer
            line = json.dumps([self._orders, *order]).encode() + b"\n"
            try:
                assert worker.process.stdin is not None
                worker.process.stdin.write(line)
                async with asyncio.timeout(ANSWER_S):
                    return await answer
            except (WorkerGone, ConnectionError):
                continue

    async def tell_all(self, *order: object) -> None:
        """Let every worker obey that is there; none need answer."""
        for worker in self._open_workers():
            line = json.dumps([0, *order]).encode() + b"\n"
            with suppress(ConnectionError):
                assert worker.process.stdin is not None
                worker.process.stdin.write(line)

    async def kill_one(self) -> None:
        """`kill -9` of any worker that has come up."""
        async with asyncio.timeout(START_S), self._opened:
            await self._opened.wait_for(self._open_workers)
        worker = self._chance.choice(self._open_workers())
        worker.is_open = False
        _signal(worker.process, signal.SIGKILL)

    async def stop_one(self) -> None:
        """Stop a worker until the others have taken its runs over, then let it go on.

        One that is alone is killed instead: nobody would take over.
        """
        if self._size < 2:
            await self.kill_one()
            return
        self._needs_two = True
        async with asyncio.timeout(2 * START_S), self._opened:
            await self._opened.wait_for(lambda: len(self._open_workers()) >= 2)
        self._needs_two = False
        worker = self._chance.choice(self._open_workers())
        worker.close()
        _signal(worker.process, signal.SIGSTOP)
        self._journal.write("stopped", worker.name)
        await asyncio.sleep(LEASE_S + self._chance.uniform(0.5, 2))
        if worker.process.returncode is None:
            self._journal.write("continued", worker.name)
            _signal(worker.process, signal.SIGCONT)
            worker.is_open = True

    def _open_workers(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.is_open]

    async def _live(self) -> None:
        while True:
            self._names += 1
            # SQLite's executor keeps its name; what a name means here is one process.
            name = f"worker-{self._names}"
            await self._one_life(name, *self._fate())
            self.deaths += 1

    def _fate(self) -> tuple[int, int]:
        """At which line of the journal, or else at which commit, a worker dies; 0 for never."""
        if self.calm or self._needs_two or self._chance.random() < 0.5:
            return 0, 0
        if self._chance.random() < 0.5:
            return self._chance.randint(1, LINES), 0
        return 0, self._chance.randint(1, COMMITS)

    async def _one_life(self, name: str, line: int, commit: int) -> None:
        command = ["tests.crash.fuzz.worker", self._address, str(self._journal.path), name]
        with self._journal.path.with_suffix(".log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *command,
                str(line),
                str(commit),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LINE_BYTES,
            )
        worker = Worker(name, process)
        self._workers.append(worker)
        try:
            await self._listen(worker)
        finally:
            self._workers.remove(worker)
            worker.close()
            _signal(process, signal.SIGKILL)
            await process.wait()

    async def _listen(self, worker: Worker) -> None:
        assert worker.process.stdout is not None
        while line := await worker.process.stdout.readline():
            said = json.loads(line)
            if said == "ready":
                worker.is_open = True
                async with self._opened:
                    self._opened.notify_all()
            else:
                number, value = said
                future = worker.pending.pop(number, None)
                if future is not None and not future.done():
                    future.set_result(value)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal. asyncio's own way looks for the exit status first, and then misses it."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
