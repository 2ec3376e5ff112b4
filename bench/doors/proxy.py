"""A query of Convex through our origin, beside the same query of the same client without it."""

from pathlib import Path
from statistics import median
from time import perf_counter

import aiohttp

from bench.figures import say, say_rounds
from bench.product import product
from llm.scripted.scenario import Reply, Scenario

ROUNDS = 5
QUERIES = 200  # a round, of each, one after the other
SCENARIO = Scenario(name="doors bench", rules=(), otherwise=Reply(text="Done."))


async def overhead(folder: Path) -> dict[str, float]:
    """Milliseconds that the way through our origin adds, at the median."""
    say(f"projects:get by HTTP, {QUERIES} a round, ours and Convex's own address by turns")
    rounds: list[float] = []
    async with product(SCENARIO, folder) as running, aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {running.token}"}
        body: dict[str, object] = {"path": "projects:getPartial", "args": {"limit": 5}}

        async def took_ms(base: str) -> float:
            begun = perf_counter()
            async with session.post(f"{base}/api/query", json=body, headers=headers) as answer:
                assert (await answer.json())["status"] == "success"  # noqa: S101 - or no figure counts
            return (perf_counter() - begun) * 1000

        for _ in range(ROUNDS + 1):
            pairs = [
                (await took_ms(running.convex_url), await took_ms(f"{running.api_url}/convex"))
                for _ in range(QUERIES)
            ]
            direct, ours = (median(times) for times in zip(*pairs, strict=True))
            rounds.append(ours - direct)
    return {"doors.proxy_overhead_p50_ms": say_rounds("added", rounds[1:], "ms")}
