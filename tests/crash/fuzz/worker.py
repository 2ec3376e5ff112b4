"""The process that dies: `python -m tests.crash.fuzz.worker ADDRESS JOURNAL NAME LINE COMMIT`.

It dies as it writes that line of the journal, or at that boundary of its commits; 0 for neither.
Takes orders as lines of JSON [number, what, …], several at once, and answers [number, value].
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from engine import Engine, Event, PostgresDatabase
from tests.crash.fuzz.jobs import JOBS
from tests.crash.fuzz.journal import Journal
from tests.support.addresses import database_of
from tests.support.commits import Commits

LEASE_S = 1.5
ALL = 100_000


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def _obey(  # noqa: PLR0911 - one return for each order
    engine: Engine, commits: Commits, order: list[Any]
) -> object:
    match order:
        case ["die at end", boundary]:
            return commits.die_at_end(boundary)
        case ["die at commit", boundary]:
            return commits.die_at(boundary)
        case ["live"]:
            return commits.live()
        case ["send", name, data, event_id]:
            return list((await engine.send(Event(name, data, id=event_id))).run_ids)
        case ["signal", name]:
            return await engine.send_signal(name)
        case ["cancel", run_id]:
            return await engine.cancel(run_id)
        case ["steps", run_id]:
            return [step.step_id for step in await engine.steps(run_id)]
        case ["runs"]:
            return [
                [run.run_id, run.job_id, run.event_id, run.status, run.result, str(run.error or "")]
                for run in await engine.runs(limit=ALL)
            ]
        case _:
            raise AssertionError(order)


async def main(address: str, journal: Journal, name: str, commits: Commits) -> None:
    database = database_of(address)
    on_postgres = isinstance(database, PostgresDatabase)
    engine = Engine(
        jobs=JOBS,
        database=database,
        provide=[journal],
        executor_id=name if on_postgres else None,
        lease_s=LEASE_S,
        grace_s=0.2,
    )

    async def obey(number: int, order: list[Any]) -> None:
        _say([number, await _obey(engine, commits, order)])

    async with engine, asyncio.TaskGroup() as orders:
        _say("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            number, *order = json.loads(line)
            orders.create_task(obey(number, order))


def _start(address: str, journal: str, name: str, line: str, commit: str) -> None:
    commits = Commits()
    if int(commit):
        commits.die_at(int(commit))
    asyncio.run(main(address, Journal(Path(journal), name, int(line)), name, commits))


if __name__ == "__main__":
    _start(*sys.argv[1:])
