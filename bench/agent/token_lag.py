"""How long after the model has sent a token a viewer holds it, for one answer and for many."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.figures import percentile, say, say_rounds
from bench.following import Following, Seen
from bench.product import UNBOUNDED, Product, product
from bench.viewers import Viewers
from llm.scripted.scenario import Pace, Reply, Rule, Scenario, When

TOKEN_CHARS = 4
TOKENS_PER_S = 50.0
TOKENS = 250  # of each answer
WARM_UP = 50  # tokens of each that are not counted
ROUNDS = 3
POSTS_AT_ONCE = 8
WORDS = "word"  # a token each

SCENARIO = Scenario(
    name="token lag bench",
    rules=(
        Rule(
            when=When(user_contains="talk"),
            reply=Reply(
                text=WORDS,
                repeat=TOKENS,
                pace=Pace(chunk_chars=TOKEN_CHARS, chars_per_s=TOKENS_PER_S * TOKEN_CHARS),
            ),
        ),
    ),
)


FEW = {1: "agent.token_lag_p50_ms", 20: "agent.token_lag_20_p50_ms"}
MANY = 200


class TokensWrong(Exception):
    """A viewer holds another text than the model said; a figure would mean nothing."""


async def measure(folder: Path) -> dict[str, float]:
    """`agent.token_lag_p50_ms` of one answer and of 20 at once, and the p95 of 200."""
    figures: dict[str, float] = {}
    for answers, name in FEW.items():
        figures[name] = median(await token_lags(folder / str(answers), answers))
    many = await token_lags(folder / str(MANY), MANY)
    return figures | {f"agent.token_lag_{MANY}_p95_ms": percentile(many, 95)}


async def token_lags(folder: Path, answers: int) -> list[float]:
    """Milliseconds of each token on its way, of so many answers at once, all rounds together."""
    say(
        f"{answers} answers at once, {TOKENS_PER_S:.0f} tokens/s each, of {TOKEN_CHARS} characters:"
        " the model's server sends a token → an official Convex client holds it"
    )
    lags: list[float] = []
    async with product(SCENARIO, folder, UNBOUNDED) as running, Viewers() as viewers:
        client = viewers.open(running.convex_url, token=running.token)
        middles: list[float] = []
        for _ in range(ROUNDS):
            spent = _busy_s()
            took = await _round(running, viewers, client, answers)
            middles.append(median(took))
            lags += took
            say(
                f"  {len(took):,} tokens: p50 {median(took):.0f} ms, p95 {percentile(took, 95):.0f}"
                f" ms; processor time of all processes {_busy_s() - spent:.1f} s"
            )
        say_rounds("p50", middles, "ms")
    return lags


def _busy_s() -> float:
    """Processor seconds of this process and of all that it has started and still runs."""
    own = psutil.Process()
    times = [each.cpu_times() for each in (own, *own.children(recursive=True))]
    return sum(spent.user + spent.system for spent in times)


async def _round(running: Product, viewers: Viewers, client: int, answers: int) -> list[float]:
    await running.model.reset()
    gate = asyncio.Semaphore(POSTS_AT_ONCE)

    async def ask(number: int) -> tuple[str, str]:
        async with gate:
            text = f"talk {number:04d}"
            conversation = await running.api.create_conversation(running.project_id, text)
            return text, await running.api.post_message(conversation, text)

    asked = dict(await asyncio.gather(*map(ask, range(answers))))
    came = await _watched(viewers, client, asked.values())
    began = {
        _question(record): record["first_byte_at"] for record in await running.model.requests()
    }
    lags: list[float] = []
    for text, message in asked.items():
        lags += _lags_of(came[message], began[text])
    return lags


async def _watched(
    viewers: Viewers, client: int, messages: Iterable[str]
) -> Mapping[str, Sequence[Seen]]:
    """Each answer to its end, as a page holds it."""
    followed = {message: Following(viewers, client, message) for message in messages}
    came: dict[str, list[Seen]] = {message: [] for message in followed}
    while not all(each.is_over for each in followed.values()):
        update = await viewers.update()
        message = update.subscription.partition("/")[0]
        if (seen := followed[message].take(update)) is not None:
            came[message].append(seen)
            if followed[message].is_over:
                followed[message].close()
    return came


def _question(record: Mapping[str, Any]) -> str:
    content = record["body"]["messages"][-1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def _lags_of(came: Sequence[Seen], began_at: float) -> list[float]:
    """Of each token that is counted: token n leaves the model n intervals after its first byte."""
    if not came or came[-1].text != WORDS * TOKENS:
        raise TokensWrong(f"{came[-1:]}")
    lags: list[float] = []
    updates = iter(came)
    seen = next(updates)
    for number in range(1, TOKENS + 1):
        while len(seen.text) < number * TOKEN_CHARS:
            seen = next(updates)
        if number > WARM_UP:
            lags.append((seen.at - (began_at + number / TOKENS_PER_S)) * 1000)
    return lags
