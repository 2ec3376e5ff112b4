"""`make crash N=500`: as many random programs on each database, and what did not hold."""

import argparse
import asyncio
import secrets
import sys
from pathlib import Path

from bench.engine.databases import Databases, SqliteFiles, address_of, folder_in_ram
from tests.crash.fuzz.round import Plan, play
from tests.crash.herd import survive
from tests.support.mortal_server import MortalServer, mortal_server

WIDTH = 24  # programs a round
DEATHS, STOPS = 4, 2  # a round, besides the workers that kill themselves
OUTAGES = 1  # a round on PostgreSQL
ENDS = 8  # deaths around the end of a run, each by itself, at the end of a round


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _keep(folder: Path, seed: str) -> Path:
    kept = Path(f"crash-{seed.replace(' ', '-')}")
    kept.mkdir(exist_ok=True)
    for file in folder.iterdir():
        (kept / file.name).write_bytes(file.read_bytes())
    return kept


async def rounds(databases: Databases, folder: Path, *, n: int, seed: str, keep: bool) -> int:
    """Play until n programs have run; how many rounds had faults."""
    bad = 0
    for number in range((n + WIDTH - 1) // WIDTH):
        of_round = seed if n <= WIDTH else f"{seed}.{number}"
        server = databases if isinstance(databases, MortalServer) else None
        plan = Plan.of(
            of_round,
            min(WIDTH, n - number * WIDTH),
            deaths=DEATHS,
            stops=STOPS,
            outages=0 if server is None else OUTAGES,
            ends=ENDS,
        )
        place = folder / f"{databases.name}-{number}"
        place.mkdir()
        found, story, deaths = await play(plan, address_of(databases.fresh()), place, server)
        _say(
            f"{databases.name} seed {of_round}: {len(story.runs)} runs, {len(story.lines)} lines, "
            f"{deaths} deaths, {len(found)} faults"
        )
        if found:
            bad += 1
            for fault in found:
                _say(f"  {fault}")
            if keep:
                _say(f"  journal and logs: {_keep(place, f'{databases.name} {of_round}')}")
            size = len(plan.programs) + sum(map(len, plan.lines))
            _say(
                f"  again: python -m tests.crash.fuzz --n {size} --seed {of_round} "
                f"--database {databases.name}"
            )
    return bad


async def main() -> int:
    """Fuzz as the arguments say; the exit status."""
    parser = argparse.ArgumentParser(description="random jobs, killed at random")
    parser.add_argument("--n", type=int, default=100, help="programs on each database")
    parser.add_argument("--seed", default=secrets.token_hex(3))
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--herd", type=int, default=0, help="runs that wait in one process, too")
    given = parser.parse_args()
    bad = 0
    with folder_in_ram() as folder:
        if given.database != "postgres":
            kind = SqliteFiles(folder)
            bad += await rounds(kind, folder, n=given.n, seed=given.seed, keep=True)
            if given.herd:
                figures = await survive(address_of(kind.fresh()), given.herd)
                _say(f"herd of {given.herd}: {figures}")
                bad += figures.get("right") != given.herd
        if given.database != "sqlite":
            with mortal_server() as server:
                bad += await rounds(server, folder, n=given.n, seed=given.seed, keep=True)
    _say("everything held" if not bad else f"{bad} rounds with faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
