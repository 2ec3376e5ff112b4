"""Several processes on one PostgreSQL: the dead are replaced, the stopped fenced."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine import Engine, PostgresDatabase
from tests.engine.fleet_worker import LEASE_S, relay
from tests.engine.mortal import Journal
from tests.engine.things import Asked, until

pytestmark = pytest.mark.timeout(60)


class Workers:
    """Worker processes over one database and one journal."""

    def __init__(self, database: PostgresDatabase, folder: Path, stack: ExitStack) -> None:
        self.database = database
        self.journal = Journal(folder / "journal")
        self.go = folder / "go"
        self._journal_path = folder / "journal"
        self._stack = stack

    def start(self, name: str) -> subprocess.Popen[str]:
        """Start a worker and wait until it takes runs."""
        command = [sys.executable, "-m", "tests.engine.fleet_worker", self.database.dsn]
        command += [str(self._journal_path), name]
        process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdout=subprocess.PIPE, text=True
        )
        self._stack.callback(self._end, process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def _end(self, process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()

    def sender(self) -> Engine:
        """A process that works on nothing: this one."""
        return Engine(jobs=[relay], database=self.database, works=False)

    def has(self, line: str) -> bool:
        return line in self.journal.lines()


@pytest.fixture
def workers(postgres: PostgresDatabase, tmp_path: Path) -> Generator[Workers]:
    with ExitStack() as stack:
        yield Workers(postgres, tmp_path, stack)


async def test_killed_workers_run_goes_on_elsewhere(workers: Workers) -> None:
    async with workers.sender() as engine:
        one = workers.start("one")
        sent = await engine.send(Asked(text=str(workers.go)))
        await until(lambda: workers.has("one second begins"))
        workers.start("two")
        one.kill()
        await until(lambda: workers.has("two second begins"), LEASE_S + 10)
        workers.go.touch()
        assert await engine.result(sent.run_ids[0], 10) == "two"
        # The recorded step did not run again.
        assert [line for line in workers.journal.lines() if "first" in line] == ["one first"]


async def test_stopped_worker_that_comes_back_is_fenced(workers: Workers) -> None:
    async with workers.sender() as engine:
        one = workers.start("one")
        sent = await engine.send(Asked(text=str(workers.go)))
        await until(lambda: workers.has("one second begins"))
        workers.start("two")
        os.kill(one.pid, signal.SIGSTOP)
        await until(lambda: workers.has("two second begins"), LEASE_S + 10)
        os.kill(one.pid, signal.SIGCONT)
        await until(lambda: workers.has("one interrupted"), 10)
        workers.go.touch()
        assert await engine.result(sent.run_ids[0], 10) == "two"
        assert not workers.has("one second ends")


async def test_cancel_reaches_a_step_in_another_process(workers: Workers) -> None:
    async with workers.sender() as engine:
        workers.start("one")
        sent = await engine.send(Asked(text=str(workers.go)))
        await until(lambda: workers.has("one second begins"))
        await engine.cancel(sent.run_ids[0])
        await until(lambda: workers.has("one interrupted"), 1.5)
        workers.go.touch()
        assert (await engine.run(sent.run_ids[0])).status == "cancelled"


async def test_sigterm_hands_the_run_over_at_once(workers: Workers) -> None:
    async with workers.sender() as engine:
        one = workers.start("one")
        sent = await engine.send(Asked(text=str(workers.go)))
        await until(lambda: workers.has("one second begins"))
        workers.start("two")
        one.terminate()
        await until(lambda: workers.has("two second begins"), 10)
        assert workers.has("one interrupted")
        workers.go.touch()
        assert await engine.result(sent.run_ids[0], 10) == "two"
        assert one.wait(10) == 0
