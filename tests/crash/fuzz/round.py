"""One round: programs are sent, answered and cancelled while processes die; then the verdict."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from engine import Database
from tests.crash.fuzz.fleet import Fleet
from tests.crash.fuzz.journal import Journal
from tests.crash.fuzz.programs import Program, flat, make, make_in_line
from tests.crash.fuzz.verdict import Story, faults
from tests.support.addresses import database_of
from tests.support.databases import left_behind

STUCK_S = 40.0  # after the last death every run ends by itself within seconds
TIDY_S = 10.0  # in which a process that held anything is judged dead
LOOK_EVERY_S = 0.25
ASK_EVERY_S = 0.05
LINES = 2  # concurrency keys
BOUNDARIES = 6  # before and after three commits: what ends a run, and what follows at once
SLOW_MS = 2_000  # a step that is cancelled in the middle
OUTAGE_S = 2.0  # some last longer than the workers' lease


class Server(Protocol):
    """What crashes when a plan has outages."""

    def restart(self, after_s: float) -> None:
        """Crash it, and start it again after a while."""
        ...


@dataclass(frozen=True)
class End:
    """One run of the last key, and at which boundary of commits its worker dies as it ends."""

    program: Program
    boundary: int
    is_cancelled: bool

    @classmethod
    def of(cls, number: int, chance: random.Random) -> "End":
        """A run that ends by itself, or one that is cancelled in its only step."""
        is_cancelled = chance.random() < 0.3
        slow = Program(number, [["run", "run-1", SLOW_MS]])
        program = slow if is_cancelled else make_in_line(number, chance)
        return cls(program, chance.randrange(BOUNDARIES), is_cancelled)


@dataclass(frozen=True)
class Plan:
    """What a round does, all of it from its seed."""

    seed: str
    programs: list[Program]
    lines: list[list[Program]]
    cancelled: frozenset[int]
    """Numbers of the programs that somebody tries to cancel."""
    deaths: int
    stops: int
    """How many processes are stopped until others have taken over, besides those that die."""
    outages: int = 0
    """How often the database's server crashes."""
    ends: tuple["End", ...] = ()
    """Deaths around the ends of runs, one after the other, when all else has ended."""

    @classmethod
    def of(
        cls, seed: str, size: int, *, deaths: int, stops: int, outages: int = 0, ends: int = 0
    ) -> "Plan":
        """A plan of `size` programs; a third of them stand in line under a key."""
        chance = random.Random(seed)  # noqa: S311 - the same plan at each start
        in_line = size // 3
        programs = [make(number, chance) for number in range(1, size - in_line + 1)]
        rest = [make_in_line(number, chance) for number in range(size - in_line + 1, size + 1)]
        cancelled = frozenset(p.number for p in programs if chance.random() < 0.2)
        lines = [rest[n::LINES] for n in range(LINES)]
        last = [End.of(number, chance) for number in range(size + 1, size + ends + 1)]
        return cls(seed, programs, lines, cancelled, deaths, stops, outages, tuple(last))


@dataclass
class Round:
    """A plan on its way."""

    plan: Plan
    database: Database
    fleet: Fleet
    journal: Journal
    chance: random.Random
    server: Server | None = None
    story: Story = field(default_factory=Story)

    async def run(self) -> list[str]:
        """Play it; what did not hold."""
        async with self.fleet.running():
            async with asyncio.TaskGroup() as actors:
                actors.create_task(self._kill())
                for line, programs in enumerate(self.plan.lines):
                    actors.create_task(self._send_in_line(f"line-{line}", programs))
                for program in self.plan.programs:
                    actors.create_task(self._play(program))
            self.fleet.calm = True
            await self._settle()
            for end in self.plan.ends:
                if not self.story.said:  # else the rest would wait for what is stuck
                    await self._end(end)
            await self._tidy()
        self.story.lines = await asyncio.to_thread(self.journal.lines)
        return faults(self.story)

    async def _kill(self) -> None:
        blows = ["dies"] * self.plan.deaths + ["stops"] * self.plan.stops
        blows += ["outage"] * self.plan.outages
        self.chance.shuffle(blows)
        for blow in blows:
            await asyncio.sleep(self.chance.uniform(0.3, 1.5))
            if blow == "outage":
                assert self.server is not None
                await asyncio.to_thread(self.server.restart, self.chance.uniform(0, OUTAGE_S))
                self.journal.write("back")
            elif blow == "stops":
                await self.fleet.stop_one()
            else:
                await self.fleet.kill_one()

    async def _send_in_line(self, line: str, programs: Sequence[Program]) -> None:
        for program in programs:
            await self._send("in-line", program, {**program.data(), "line": line})
            self.story.order.setdefault(line, []).append(f"in-line:{_event_id(program.number)}")

    async def _send(self, kind: str, program: Program, data: dict[str, Any]) -> str:
        event_id = _event_id(program.number)
        for _ in range(1 + (self.chance.random() < 0.3)):  # sent again, now and then
            run_ids = await self.fleet.ask("send", f"fuzz/{kind}", data, event_id)
            if run_ids != [f"{kind}:{event_id}"]:
                self.story.said.append(f"{event_id} was accepted and started {run_ids}")
        run_id = f"{kind}:{event_id}"
        self.story.programs[run_id] = program
        return run_id

    async def _play(self, program: Program) -> None:
        await asyncio.sleep(self.chance.uniform(0, 3))
        run_id = await self._send("begun", program, program.data())
        cancels = program.number in self.plan.cancelled
        async with asyncio.TaskGroup() as others:
            if cancels:
                others.create_task(self._cancel(program, run_id))
            for number, op in flat(program.number, program.ops):
                if op[0] == "wait":
                    others.create_task(self._poke(number, op[1]))

    async def _poke(self, number: int, wait: str) -> None:
        await asyncio.sleep(self.chance.uniform(0, 2))
        data = {"number": number, "wait": wait}
        await self.fleet.ask("send", "fuzz/poked", data, f"poke-{number}-{wait}")

    async def _cancel(self, program: Program, run_id: str) -> None:
        await asyncio.sleep(self.chance.uniform(0, 1))
        self.story.asked_to_cancel.add(run_id)
        if self.chance.random() < 0.5:
            await self.fleet.ask("cancel", run_id)
        else:
            number = program.number
            await self.fleet.ask("send", "fuzz/stopped", {"number": number}, f"stop-{number}")
        self.journal.write("cancel acknowledged", run_id)
        self.story.steps_at_cancel[run_id] = await self.fleet.ask("steps", run_id)

    async def _settle(self) -> None:
        """Answer the signals that are waited for until every run has ended."""
        signals = {
            str(op[2])
            for program in self.plan.programs
            for _, op in flat(program.number, program.ops)
            if op[0] == "signal"
        }
        quiet = 0
        try:
            async with asyncio.timeout(STUCK_S):
                # Twice: a list of runs is older than the last run's status in it, and a run that
                # has ended since may have started another.
                while quiet < 2:
                    for name in sorted(signals):
                        if await self.fleet.ask("signal", name):
                            signals.discard(name)
                    self.story.runs = await self.fleet.ask("runs")
                    quiet = 0 if self.story.unfinished() else quiet + 1
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            self.story.said += [f"stuck: {run}" for run in self.story.unfinished()]
        for run_id in self.story.steps_at_cancel:
            self.story.steps_at_end[run_id] = await self.fleet.ask("steps", run_id)

    async def _end(self, end: End) -> None:
        """Let a run of the last key end in a process that dies; the next one needs its place."""
        if not end.is_cancelled:
            await self.fleet.tell_all("die at end", end.boundary)
        run_id = await self._send("in-line", end.program, {**end.program.data(), "line": "last"})
        if end.is_cancelled:
            await self._begun(run_id)
            await self.fleet.tell_all("die at commit", end.boundary)
            self.story.asked_to_cancel.add(run_id)
            await self.fleet.ask("cancel", run_id)
        await self._settle()
        await self.fleet.tell_all("live")

    async def _begun(self, run_id: str) -> None:
        """Wait until a run's first step has begun, or it must be stuck."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STUCK_S):
                while True:
                    lines = await asyncio.to_thread(self.journal.lines)
                    if any(line.run == run_id and line.what == "begin" for line in lines):
                        return
                    await asyncio.sleep(ASK_EVERY_S)

    async def _tidy(self) -> None:
        """Wait until nothing is left of runs, all of which have ended."""
        left: set[str] = set()
        with suppress(TimeoutError):
            async with asyncio.timeout(TIDY_S):
                while left := await asyncio.to_thread(left_behind, self.database):  # noqa: ASYNC110 - rows
                    await asyncio.sleep(LOOK_EVERY_S)
        self.story.said += [f"rows are left in {table}" for table in sorted(left)]


def _event_id(number: int) -> str:
    return f"event-{number}"


async def play(
    plan: Plan, address: str, folder: Path, server: Server | None = None
) -> tuple[list[str], Story, int]:
    """Play one plan on an empty database: what did not hold, what happened, how many died."""
    chance = random.Random(f"{plan.seed} played")  # noqa: S311 - the same choices at each start
    journal = Journal(folder / "journal", "driver")
    size = 2 if "://" in address else 1
    fleet = Fleet(address, journal, size=size, chance=chance)
    playing = Round(plan, database_of(address), fleet, journal, chance, server)
    found = await playing.run()
    return found, playing.story, fleet.deaths
