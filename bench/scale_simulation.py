"""How many databases so many runs need: `python -m bench.scale_simulation`; see docs/scale.md."""

import argparse
import random
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import accumulate
from math import ceil
from statistics import mean

from bench.figures import percentile, say, say_figures

DAY_S = 86_400
TARGET = 0.7  # of a database's time at the peak; above it queues grow fast
WINDOW_S = 600.0  # of the peak that is played
RATES = (10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Costs:
    """Time of one database with its worker, from two figures of the bench; see docs/scale.md."""

    run_s: float
    step_s: float

    @classmethod
    def measured(cls, *, runs_per_s: float, steps_per_s: float, steps: int = 20) -> "Costs":
        """From the rate of one-step runs and of steps in runs of `steps` steps."""
        whole = 1 / runs_per_s  # run + 1 step
        long = steps / steps_per_s  # run + steps
        step_s = (long - whole) / (steps - 1)
        return cls(whole - step_s, step_s)

    def of(self, steps: int) -> float:
        """Seconds of the database's time for one run."""
        return self.run_s + steps * self.step_s


@dataclass(frozen=True)
class Load:
    """What arrives. `peak` is the busiest time against the day's mean."""

    runs_per_day: int
    steps: int = 12
    peak: float = 4.0
    projects: int = 5_000

    @property
    def peak_runs_per_s(self) -> float:
        """Runs that start in a second of the peak."""
        return self.runs_per_day / DAY_S * self.peak

    def databases(self, costs: Costs) -> int:
        """How many databases keep below the target at the peak."""
        return max(1, ceil(self.peak_runs_per_s * costs.of(self.steps) / TARGET))


@dataclass
class Database:
    """One shard as a queue: a run starts when those before it have had their time."""

    free_at: float = 0.0
    busy_s: float = 0.0
    waits_s: list[float] = field(default_factory=list[float])

    def take(self, at: float, needs_s: float) -> None:
        """A run arrives."""
        start = max(at, self.free_at)
        self.waits_s.append(start - at)
        self.busy_s += needs_s
        self.free_at = start + needs_s


@dataclass(frozen=True)
class Outcome:
    """The peak, played."""

    databases: int
    busiest: float
    """Share of its time that the busiest database needs; above 1 it falls behind."""
    mean: float
    wait_p95_ms: float


def database_of(project_id: str, databases: int) -> int:
    """Where a project lives: rendezvous hashing, so one more database moves 1/n of them."""

    def weight(number: int) -> bytes:
        return blake2b(f"{project_id}/{number}".encode(), digest_size=8).digest()

    return max(range(databases), key=weight)


def play(load: Load, costs: Costs, *, databases: int, seed: int = 1) -> Outcome:
    """Play the peak: Poisson arrivals, few projects that are busy and many that are not."""
    chance = random.Random(seed)  # noqa: S311 - the same figures at each start
    places = [database_of(f"project-{n}", databases) for n in range(load.projects)]
    weights = list(accumulate(1 / (n + 10) ** 0.8 for n in range(load.projects)))
    shards = [Database() for _ in range(databases)]
    at = chance.expovariate(load.peak_runs_per_s)
    while at < WINDOW_S:
        place = chance.choices(places, cum_weights=weights)[0]
        # Steps vary: most runs are short, some are four times the mean.
        steps = min(4 * load.steps, max(1, round(chance.expovariate(1 / load.steps))))
        shards[place].take(at, costs.of(steps))
        at += chance.expovariate(load.peak_runs_per_s)
    shares = [shard.busy_s / WINDOW_S for shard in shards]
    waits = [wait * 1000 for shard in shards for wait in shard.waits_s]
    return Outcome(databases, max(shares), mean(shares), percentile(waits or [0.0], 95))


def main() -> None:
    """Play the peaks of three sizes, or of the one that is asked for."""
    parser = argparse.ArgumentParser(description="the peak of a day, on one database or several")
    parser.add_argument("--runs-per-day", type=int)
    parser.add_argument("--steps", type=int, default=12, help="of a run, on average")
    parser.add_argument("--peak", type=float, default=4.0, help="busiest time against the mean")
    parser.add_argument("--databases", type=int, help="instead of what the arithmetic says")
    parser.add_argument("--runs-per-s", type=float, default=230, help="engine.postgres.runs_per_s")
    parser.add_argument("--steps-per-s", type=float, default=760, help="….steps_per_s")
    given = parser.parse_args()
    costs = Costs.measured(runs_per_s=given.runs_per_s, steps_per_s=given.steps_per_s)
    say(f"a run costs {costs.run_s * 1000:.2f} ms and each step {costs.step_s * 1000:.2f} ms")
    figures: dict[str, float] = {}
    for rate in [given.runs_per_day] if given.runs_per_day else RATES:
        load = Load(rate, steps=given.steps, peak=given.peak)
        databases = given.databases or load.databases(costs)
        found = play(load, costs, databases=databases)
        say(
            f"{rate:>9,} runs a day: {load.peak_runs_per_s:.2f}/s at the peak on {databases} "
            f"database(s): {found.mean:.0%} busy, the busiest {found.busiest:.0%}, "
            f"p95 of the queue {found.wait_p95_ms:.0f} ms"
        )
        figures[f"scale.{rate}.databases"] = databases
        figures[f"scale.{rate}.busiest"] = found.busiest
    say_figures(figures)


if __name__ == "__main__":
    main()
