"""`make bench SUITE=store`: the embedded Convex over HTTP and the sync protocol."""

import asyncio
import random
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter

import aiohttp

from bench.figures import percentile, say, say_figures, say_machine, say_rounds
from bench.viewers import Viewers
from embedded_convex.process import EmbeddedConvex

FUNCTIONS = Path(__file__).with_name("convex")
ROUNDS = 5
TEXT = "x" * 100  # of a row
SEQUENTIAL = 200  # mutations a round
IN_FLIGHT = 16
CONCURRENT = 1_600  # mutations a round
SUBSCRIBERS = 100
UPDATES = 20  # a round
SMALL, LARGE = 1_000, 100_000  # rows
PER_GROUP = 50
FILL = 1_000  # rows a mutation
READS = 200  # a round


class Calls:
    """One deployment over kept-alive HTTP connections, as any program would call it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def call(self, kind: str, path: str, args: Mapping[str, object]) -> object:
        """Run a function; its value."""
        body = {"path": path, "args": args, "format": "json"}
        async with self._session.post(f"{self._url}/api/{kind}", json=body) as response:
            answer = await response.json()
        if answer["status"] != "success":
            raise RuntimeError(answer["errorMessage"])
        return answer["value"]

    async def add(self, group: str, n: int) -> None:
        """Write one row."""
        await self.call("mutation", "rows:add", {"group": group, "n": n, "text": TEXT})


@asynccontextmanager
async def deployment(folder: Path) -> AsyncGenerator[tuple[Calls, str]]:
    """An embedded Convex of its own with an empty file."""
    async with (
        EmbeddedConvex(FUNCTIONS, folder / "bench.sqlite", admin_key="", env={}) as convex,
        aiohttp.ClientSession(raise_for_status=True) as session,
    ):
        yield Calls(session, convex.url), convex.url


async def timed_ms(call: Callable[[], Awaitable[object]]) -> float:
    """How long a call takes."""
    started = perf_counter()
    await call()
    return (perf_counter() - started) * 1000


async def sequential(calls: Calls) -> float:
    """One mutation after the other."""
    say(f"mutations over HTTP, one after the other, {SEQUENTIAL} a round, rows of 100 characters")
    rounds: list[float] = []
    for r in range(ROUNDS + 1):
        took = [await timed_ms(partial(calls.add, f"sequential {r}", n)) for n in range(SEQUENTIAL)]
        rounds.append(median(took))
    return say_rounds("p50", rounds[1:], "ms")  # the first one warms up


async def concurrent(calls: Calls) -> float:
    """As many as the server takes, with a bounded number in flight."""
    say(f"mutations over HTTP, {IN_FLIGHT} in flight, {CONCURRENT} a round")
    rounds: list[float] = []
    for r in range(ROUNDS):
        numbers = iter(range(CONCURRENT))
        started = perf_counter()
        async with asyncio.TaskGroup() as lanes:
            for _ in range(IN_FLIGHT):
                lanes.create_task(_lane(calls, f"concurrent {r}", numbers))
        rounds.append(CONCURRENT / (perf_counter() - started))
    return say_rounds("rate", rounds, "mutations/s")


async def _lane(calls: Calls, group: str, numbers: Iterator[int]) -> None:
    for n in numbers:
        await calls.add(group, n)


async def live(calls: Calls, url: str) -> float:
    """From the answer to a mutation to the callbacks of every subscriber."""
    say(
        f"live updates: {SUBSCRIBERS} official clients in one Node process, a socket each "
        f"and all subscribed to one query; {UPDATES} updates a round, one after the other"
    )
    rounds: list[float] = []
    from_post: list[float] = []
    async with Viewers() as viewers:
        for number in range(SUBSCRIBERS):
            client = viewers.open(url)
            viewers.subscribe(
                str(number), client=client, path="rows:newest", args={"group": "live"}
            )
        await _all_see(viewers, -1)
        for r in range(ROUNDS):
            lags: list[float] = []
            for n in range(r * UPDATES, (r + 1) * UPDATES):
                posted = monotonic()
                await calls.add("live", n)
                acknowledged = monotonic()
                seen = await _all_see(viewers, n)
                lags += [(at - acknowledged) * 1000 for at in seen]
                from_post += [(at - posted) * 1000 for at in seen]
            rounds.append(median(lags))
    result = say_rounds("acknowledged → callback, p50", rounds, "ms")
    say(
        f"  sent → callback: p50 {median(from_post):.3g} ms, p95 {percentile(from_post, 95):.3g} ms"
    )
    return result


async def _all_see(viewers: Viewers, value: int) -> list[float]:
    """When each subscriber was told `value`."""
    seen: dict[str, float] = {}
    while len(seen) < SUBSCRIBERS:
        update = await viewers.update()
        if update.value == value:
            seen.setdefault(update.subscription, update.at)
    return list(seen.values())


async def indexed_reads(folder: Path) -> float:
    """One query on two deployments that differ in their number of rows only."""
    say(
        f"indexed query of 20 rows over HTTP: {LARGE:,} rows against {SMALL:,}, two deployments "
        f"taking turns, {READS} reads a round, a random group each"
    )
    async with (
        deployment(folder / "small") as (small, _),
        deployment(folder / "large") as (large, _),
    ):
        await _fill(small, SMALL)
        await _fill(large, LARGE)
        rounds: list[float] = []
        for r in range(ROUNDS + 1):
            chance = random.Random(r)  # noqa: S311 - the same groups at each start
            took: dict[int, list[float]] = {SMALL: [], LARGE: []}
            for _ in range(READS):
                for calls, rows in ((small, SMALL), (large, LARGE)):
                    group = chance.randrange(rows // PER_GROUP)
                    args = {"group": f"g{group}", "n": chance.randrange(PER_GROUP - 20)}
                    took[rows].append(
                        await timed_ms(partial(calls.call, "query", "rows:page", args))
                    )
            rounds.append(median(took[LARGE]) / median(took[SMALL]))
            say(f"  round {r}: {median(took[LARGE]):.2f} ms against {median(took[SMALL]):.2f} ms")
    return say_rounds("ratio", rounds[1:], "")  # the first one warms up


async def _fill(calls: Calls, rows: int) -> None:
    for start in range(0, rows, FILL):
        args = {"start": start, "count": FILL, "perGroup": PER_GROUP, "text": TEXT}
        await calls.call("mutation", "rows:fill", args)


async def main() -> None:
    """Run the suite."""
    say_machine()
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        folder = Path(temporary)
        async with deployment(folder / "main") as (calls, url):
            figures = {
                "store.mutation_p50_ms": await sequential(calls),
                "store.mutations_per_s": await concurrent(calls),
                "store.live_update_p50_ms": await live(calls, url),
            }
        figures["store.indexed_read_ratio_100k"] = await indexed_reads(folder)
    say_figures(figures)
