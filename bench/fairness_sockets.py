"""Fairness beside sockets: what strangers who watch thousands of queries cost everybody else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from time import monotonic

from bench.figures import percentile, say, say_rounds
from bench.store import Calls, deployment, timed_ms
from bench.viewers import Viewers
from core.node import NODE

PROGRAM = Path(__file__).with_name("strangers.ts")
ROUNDS = 5
SOCKETS = 10
GREEDY = 9_999  # queries of each socket
MODEST = 250  # what a session without a user may watch
SETTLE_S = 2.0  # of strangers, before they are measured beside
QUERIES = 200  # at a time, HTTP
SUBSCRIPTIONS = 80  # at a time, live
WRITE_EVERY_S = 0.1  # each write hits every query of the strangers
ROWS = 100


@asynccontextmanager
async def strangers(url: str, queries: int) -> AsyncGenerator[None]:
    """Ten sockets with so many queries each, from when each has asked for them."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        *(PROGRAM, url, str(SOCKETS), str(queries), "rows:page"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"there\n"  # noqa: S101 - its only line
        await asyncio.sleep(SETTLE_S)
        yield
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@asynccontextmanager
async def writing(calls: Calls) -> AsyncGenerator[None]:
    """Somebody writes all the time, as in any application."""

    async def write() -> None:
        while True:
            await calls.add("live", 0)
            await asyncio.sleep(WRITE_EVERY_S)

    async with asyncio.TaskGroup() as tasks:
        writer = tasks.create_task(write())
        try:
            yield
        finally:
            writer.cancel()


async def over_http(calls: Calls) -> list[float]:
    """An ordinary query, one after the other."""
    args = {"group": "own", "n": 0}
    query = partial(calls.call, "query", "rows:page", args)
    return [await timed_ms(query) for _ in range(QUERIES)]


async def live(viewers: Viewers, client: int, numbers: "count[int]") -> list[float]:
    """An ordinary subscription, until its first value, one after the other."""
    took: list[float] = []
    for _ in range(SUBSCRIPTIONS):
        name = f"own {next(numbers)}"
        started = monotonic()
        viewers.subscribe(name, client=client, path="rows:newest", args={"group": name})
        while (update := await viewers.update()).subscription != name:
            pass
        took.append((update.at - started) * 1000)
        viewers.unsubscribe(name)
    return took


async def beside(calls: Calls, url: str, queries: int) -> float:
    """The worse of the two ratios, beside strangers over alone: just before and just after them."""
    say(f"beside {SOCKETS} sockets without a user, {queries:,} queries each, that never rest")
    ratios: dict[str, list[float]] = {"HTTP": [], "live": []}
    numbers = count()
    async with Viewers() as viewers:
        client = viewers.open(url)

        async def ordinary() -> dict[str, list[float]]:
            return {"HTTP": await over_http(calls), "live": await live(viewers, client, numbers)}

        await ordinary()  # warms up
        for _ in range(ROUNDS):
            before = await ordinary()
            async with strangers(url, queries):
                crowded = await ordinary()
            after = await ordinary()
            for name, rounds in ratios.items():
                alone = before[name] + after[name]
                rounds.append(median(crowded[name]) / median(alone))
                say(
                    f"  {name}: p50 {median(alone):.2f} ms alone, {median(crowded[name]):.2f} ms "
                    f"beside them (p95 {percentile(alone, 95):.2f} and "
                    f"{percentile(crowded[name], 95):.2f} ms)"
                )
    return max(say_rounds(f"{name}, ratio", rounds, "") for name, rounds in ratios.items())


async def figures(folder: Path) -> dict[str, float]:
    """Ordinary queries beside greedy strangers, and beside strangers within their bounds."""
    async with deployment(folder / "sockets") as (calls, url), writing(calls):
        await calls.call(
            "mutation", "rows:fill", {"start": 0, "count": ROWS, "perGroup": ROWS, "text": "own"}
        )
        ratios = [await beside(calls, url, queries) for queries in (GREEDY, MODEST)]
    return {"fairness.query_beside_sockets_ratio": max(ratios)}
