"""What the agent's loop adds to the model's own time, durable steps included."""

import asyncio
from pathlib import Path
from statistics import median
from time import monotonic

from bench.figures import say, say_rounds
from bench.following import follow
from bench.product import UNBOUNDED, Product, product
from bench.viewers import Viewers
from llm.scripted.scenario import Call, Pace, Reply, Rule, Scenario, When

TURNS = 50
ROUNDS = 5
ANSWERS = 20  # whose first delta is timed
NO_PACE = Pace(chunk_chars=2_000)

SCENARIO = Scenario(
    name="loop bench",
    rules=(
        *(
            Rule(
                when=When(user_contains="fifty turns", tool_results=number),
                reply=Reply(
                    text=f"Turn {number}.",
                    tool_calls=(Call(name="readFile", arguments={"path": f"{number}.txt"}),),
                    pace=NO_PACE,
                ),
            )
            for number in range(TURNS - 1)
        ),
        Rule(when=When(user_contains="fifty turns"), reply=Reply(text="Done.", pace=NO_PACE)),
        Rule(when=When(user_contains="at once"), reply=Reply(text="Here it is.", pace=NO_PACE)),
    ),
)


class LoopWrong(Exception):
    """The run was another than the one to be timed."""


async def measure(folder: Path) -> dict[str, float]:
    """`agent.loop_overhead_ms_per_turn` and `agent.first_delta_overhead_ms`."""
    settings = {"POLARIS_MAX_STEPS": str(TURNS + 10), **UNBOUNDED}
    async with product(SCENARIO, folder, settings) as running, Viewers() as viewers:
        client = viewers.open(running.convex_url, token=running.token)
        for number in range(TURNS):
            path, data = f"{number}.txt", f"File {number}.\n".encode()
            await running.api.write_file(running.project_id, path, data)
        return {
            "agent.loop_overhead_ms_per_turn": await _loop(running, viewers, client),
            "agent.first_delta_overhead_ms": await _first_delta(running, viewers, client),
        }


async def _loop(running: Product, viewers: Viewers, client: int) -> float:
    say(
        f"a run of {TURNS} turns with a call each: POST → completed, less the time that the model's"
        " server took, per turn"
    )
    rounds: list[float] = []
    for _ in range(ROUNDS + 1):
        await running.model.reset()
        conversation = await running.api.create_conversation(running.project_id, "loop")
        posted = monotonic()
        message = await running.api.post_message(conversation, "Take fifty turns")
        over_at = [seen.at async for seen in follow(viewers, client, message)][-1]
        records = await running.model.requests(until="finished", count=TURNS)
        if len(records) != TURNS:
            raise LoopWrong(f"{len(records)} turns")
        models_s = sum(record["finished_at"] - record["started_at"] for record in records)
        rounds.append((over_at - posted - models_s) * 1000 / TURNS)
    return say_rounds("per turn", rounds[1:], "ms")  # the first one warms up


async def _first_delta(running: Product, viewers: Viewers, client: int) -> float:
    say(
        f"POST → first delta at an official client, less the time that the model's server took"
        f" until its first byte; {ANSWERS} answers"
    )
    took: list[float] = []
    for _ in range(ANSWERS):
        await running.model.reset()
        conversation = await running.api.create_conversation(running.project_id, "first delta")
        posted = monotonic()
        message = await running.api.post_message(conversation, "Answer at once")
        updates = [seen async for seen in follow(viewers, client, message)]
        shown_at = next(seen.at for seen in updates if seen.text)
        record = (await running.model.requests(until="first_byte"))[0]
        models_s = record["first_byte_at"] - record["started_at"]
        took.append((shown_at - posted - models_s) * 1000)
        await asyncio.sleep(0)
    say(f"  p50 {median(took):.1f} ms")
    return median(took)
