"""A run whose end has been told and is not stored yet: its worker has died in between."""

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from engine import Engine, PostgresDatabase
from tests.engine.ending_worker import JOBS, LEASE_S
from tests.engine.things import Asked, Withdrawn

pytestmark = pytest.mark.timeout(60)


@contextmanager
def worker(database: PostgresDatabase, *words: str) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.engine.ending_worker", database.dsn, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("event", "status", "follower", "came_of_it"),
    [
        (Asked(), "failed", "{run}:on-failure", "handled no"),
        (Withdrawn(question_id="q1"), "completed", "listens:{run}:finished", "heard done"),
    ],
    ids=["failed", "completed"],
)
async def test_a_told_end_is_not_cancelled_any_more(
    postgres: PostgresDatabase,
    event: Asked | Withdrawn,
    status: str,
    follower: str,
    came_of_it: str,
) -> None:
    async with Engine(jobs=JOBS, database=postgres, works=False) as engine:
        with worker(postgres) as dying:
            run_id = (await engine.send(event)).run_ids[0]
            assert dying.wait(20) == -signal.SIGKILL
        assert (await engine.run(run_id)).status == "running"
        assert not await engine.cancel(run_id)
        assert await engine.cancel_many(run_id.partition(":")[0]) == []
        with worker(postgres, "lives"):
            assert (await engine.wait(run_id, LEASE_S + 20)).status == status
            assert await engine.result(follower.format(run=run_id), 20) == came_of_it
