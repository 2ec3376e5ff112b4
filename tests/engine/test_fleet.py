"""Several processes on one PostgreSQL: the dead are replaced, the stopped fenced."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest

from engine import Engine, PostgresDatabase
from engine.control.cancel import ELSEWHERE_S
from tests.engine.fleet_worker import EVERY_S, LEASE_S, Rationed, brief, rationed, relay
from tests.engine.mortal import Journal
from tests.engine.things import Asked, Withdrawn
from tests.support.databases import left_behind
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)


class Workers:
    """Worker processes over one database and one journal."""

    def __init__(self, database: PostgresDatabase, folder: Path, stack: ExitStack) -> None:
        self.database = database
        self.journal = Journal(folder / "journal")
        self.go = folder / "go"
        self._journal_path = folder / "journal"
        self._stack = stack

    def start(self, name: str, *, mishap: int | str | None = None) -> subprocess.Popen[str]:
        """Start a worker and wait until it takes runs."""
        command = [sys.executable, "-m", "tests.engine.fleet_worker", self.database.dsn]
        command += [str(self._journal_path), name]
        command += [] if mishap is None else [str(mishap)]
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
        return Engine(jobs=[relay, brief, rationed], database=self.database, works=False)

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


@pytest.mark.parametrize("stops_after", [None, "UPDATE engine_worker", "pg_try_advisory_xact_lock"])
async def test_stopped_worker_that_comes_back_is_fenced(
    workers: Workers, stops_after: str | None
) -> None:
    """It may stop in a transaction: what it has locked then is what those need who replace it."""
    async with workers.sender() as engine:
        one = workers.start("one", mishap=stops_after)
        sent = await engine.send(Asked(text=str(workers.go)))
        await until(lambda: workers.has("one second begins"))
        workers.start("two")
        os.kill(one.pid, signal.SIGSTOP if stops_after is None else signal.SIGUSR1)
        await until(lambda: workers.has("two second begins"), LEASE_S + 10)
        os.kill(one.pid, signal.SIGCONT)
        await until(lambda: workers.has("one interrupted"), 10)
        workers.go.touch()
        assert await engine.result(sent.run_ids[0], 10) == "two"
        assert not workers.has("one second ends")


async def test_cancel_has_reached_a_step_in_another_process_when_it_returns(
    workers: Workers,
) -> None:
    async with workers.sender() as engine:
        workers.start("one")
        sent = await engine.send(Asked(text=str(workers.go)))
        await until(lambda: workers.has("one second begins"))
        await engine.cancel(sent.run_ids[0])
        assert workers.has("one interrupted")
        workers.go.touch()
        assert (await engine.run(sent.run_ids[0])).status == "cancelled"


async def test_no_body_begins_in_another_process_after_the_cancel(workers: Workers) -> None:
    cancelled_at: dict[str, float] = {}
    async with workers.sender() as engine:
        workers.start("one")

        async def send_and_cancel(number: int) -> None:
            sent = await engine.send(Withdrawn(question_id="q"))
            await asyncio.sleep(number % 15 / 1000)  # from before the claim to after the end
            if await engine.cancel(sent.run_ids[0]):
                cancelled_at[sent.run_ids[0]] = monotonic()

        for _ in range(20):
            async with asyncio.TaskGroup() as many:
                for number in range(10):
                    many.create_task(send_and_cancel(number))
        last = await engine.send(Withdrawn(question_id="q"))
        await engine.wait(last.run_ids[0], 5)  # what was claimed before it has had its turn
    assert len(cancelled_at) > 10
    lines = [line.split() for line in workers.journal.lines()]
    begun_at = {run_id: float(at) for run_id, _, at in lines}
    late = {run: begun_at[run] - at for run, at in cancelled_at.items() if run in begun_at}
    assert [run for run, by_s in late.items() if by_s > 0] == []


async def test_cancel_waits_no_longer_than_it_must_for_a_process_that_is_stopped(
    workers: Workers,
) -> None:
    async with workers.sender() as engine:
        one = workers.start("one")
        sent = await engine.send(Asked(text=str(workers.go)))
        await until(lambda: workers.has("one second begins"))
        os.kill(one.pid, signal.SIGSTOP)
        async with asyncio.timeout(ELSEWHERE_S + 3):
            assert await engine.cancel(sent.run_ids[0])


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


@pytest.mark.parametrize("boundary", range(4))
async def test_worker_that_dies_as_a_run_ends_leaves_its_key_free(
    workers: Workers, boundary: int
) -> None:
    """Before the commit that ends it, right after, and around what the worker does next."""
    workers.go.touch()
    async with workers.sender() as engine:
        one = workers.start("one", mishap=boundary)
        first = await engine.send(Asked(text=str(workers.go)))
        assert one.wait(10) == -signal.SIGKILL
        workers.start("two")
        second = await engine.send(Asked(text=str(workers.go)))
        assert await engine.result(second.run_ids[0], LEASE_S + 10) == "two"
        assert await engine.result(first.run_ids[0], 5) == "one"  # its step was recorded
        await until(lambda: not left_behind(workers.database))


async def test_worker_that_dies_before_it_has_heard_of_a_cancel_leaves_its_key_free(
    workers: Workers,
) -> None:
    async with workers.sender() as engine:
        one = workers.start("one")
        first = await engine.send(Asked(text=str(workers.go)))
        await until(lambda: workers.has("one second begins"))
        os.kill(one.pid, signal.SIGSTOP)
        assert await engine.cancel(first.run_ids[0])
        one.kill()
        workers.start("two")
        workers.go.touch()
        second = await engine.send(Asked(text=str(workers.go)))
        assert await engine.result(second.run_ids[0], LEASE_S + 10) == "two"
        await until(lambda: not left_behind(workers.database))


async def test_a_throttle_spaces_the_starts_of_all_processes(workers: Workers) -> None:
    async with workers.sender() as engine:
        sent = await engine.send_many([Rationed(number=number) for number in range(6)])
        await asyncio.sleep(6 * EVERY_S)  # all are overdue, and the first worker takes them all
        one = workers.start("one")
        await until(lambda: len(workers.journal.lines()) >= 3, 10)
        workers.start("two")
        os.kill(one.pid, signal.SIGSTOP)  # so that the other takes some
        sent += [await engine.send(Rationed(number=number)) for number in range(3)]
        await until(lambda: any(" two " in line for line in workers.journal.lines()), 20)
        os.kill(one.pid, signal.SIGCONT)
        sent += [await engine.send(Rationed(number=number)) for number in range(6)]
        for each in sent:
            await engine.wait(each.run_ids[0], 30)
    lines = [line.split() for line in workers.journal.lines()]
    assert {who for _, who, _ in lines} == {"one", "two"}
    begun_at = sorted(float(at) for _, _, at in lines)
    assert min(later - earlier for earlier, later in pairwise(begun_at)) >= EVERY_S
