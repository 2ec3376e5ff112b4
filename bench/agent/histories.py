"""Whether any conversation ever leads to a request that a provider refuses."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from agent.loop import Limits
from agent.transcript import Answered, Asked, Condensed, Past
from bench.agent.strict import Strict
from bench.figures import say
from llm.faults import ModelRefused, ModelUnavailable, PromptTooLong, StreamBroken
from tests.agent.desk import Desk, Died, Interrupting, Mishap

CONVERSATIONS = 10_000
MESSAGES = 4  # in one at most
FILES: dict[str, str | bytes] = {"a.txt": "old", "long.txt": "A line of it.\n" * 400}
MISHAPS: Sequence[Mishap] = ("none", "none", "cancel", "crash")
WINDOWS = (1_500, 3_000, 100_000)  # tokens: in the small ones summaries are written


@dataclass
class Told:
    """What came of some conversations."""

    refused: Counter[str] = field(default_factory=Counter[str])
    asked: int = 0
    summaries: int = 0


async def measure(_folder: Path) -> dict[str, float]:
    """`agent.history_refusals`: requests that the rules of a provider's API refuse.

    Each conversation is made by chance, from a seed of its own: what the model says, which provider
    each request goes to, how small the window is, which streams break, where the process dies or
    the person cancels, what they say meanwhile, and what they ask after that.
    """
    workers = os.cpu_count() or 1
    say(f"{CONVERSATIONS:,} conversations by chance, every request judged by a provider's rules")
    shares = [range(first, CONVERSATIONS, workers) for first in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()
        told = await asyncio.gather(*(loop.run_in_executor(pool, _share, each) for each in shares))
    refused = sum((each.refused for each in told), Counter[str]())
    for why, times in refused.most_common(5):
        say(f"  {times} times: {why[:200]}")
    asked, summaries = (sum(each.asked for each in told), sum(each.summaries for each in told))
    say(f"  {asked:,} requests, {summaries:,} of them for summaries; {refused.total()} refused")
    return {"agent.history_refusals": refused.total(), "agent.history_requests": asked}


def _share(seeds: Sequence[int]) -> Told:
    told = Told()
    asyncio.run(_all(seeds, told))
    return told


async def _all(seeds: Sequence[int], told: Told) -> None:
    for seed in seeds:
        await _converse(random.Random(seed), told)  # noqa: S311 - repeatable, no secret


async def _converse(chance: random.Random, told: Told) -> None:
    past: list[Past] = []
    condensed: list[Condensed] = []
    tokens = chance.choice(WINDOWS)
    for _ in range(chance.randint(1, MESSAGES)):
        past.append(Asked(chance.choice(("next", "", "A longer question. " * 40))))
        model = Strict(chance)
        desk = Desk(
            model,
            past=tuple(past),
            files=dict(FILES),
            limits=Limits(max_turns=6, stream_attempts=2, history_tokens=tokens),
        )
        desk.transcript.condensed = list(condensed)
        interrupted = Interrupting(
            chance.choice(MISHAPS), chance.randint(0, 8), desk.transcript.said
        )
        answered = await _answered(desk, interrupted)
        made = [known for known in desk.transcript.condensed if known not in condensed]
        condensed = [replace(known, made_in=len(past)) for known in made[-1:]] or condensed
        past.append(answered)
        told.asked += model.asked
        told.summaries += model.summaries
        told.refused.update(model.refused)


async def _answered(desk: Desk, journal: Interrupting) -> Answered:
    status: Literal["completed", "failed", "cancelled"] = "completed"
    try:
        try:
            outcome = await desk.run(journal)
        except Died:
            outcome = await desk.run(journal)  # another process takes over
        text, error = await desk.text(outcome), ""
    except asyncio.CancelledError:
        status, text, error = "cancelled", desk.sink.shown, ""
    except (ModelUnavailable, ModelRefused, PromptTooLong, StreamBroken) as fault:
        status, text, error = "failed", desk.sink.shown, str(fault)
    return Answered(status, text, tuple(desk.transcript.turns), error)
