"""How long after the model has sent a token a viewer holds it, for one answer and for many.

Of many, the tokens count that come while all of them stream: until the last one has begun, the
process is busy with beginning.
"""

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
TOKENS_FOR_EACH = 5  # of each of many, for each of them: the first one talks until all do
WARM_UP = 50  # tokens of each that are not counted
ROUNDS = 3
POSTS_AT_ONCE = 8
WORDS = "word"  # a token each

FEW = {1: "agent.token_lag_p50_ms", 20: "agent.token_lag_20_p50_ms"}
MANY = 200
CROWDS = (250, 300)  # tried after `MANY`, while the one before is carried
CARRIED_MS = 500.0  # 95 of 100 tokens are with their viewer by then


class TokensWrong(Exception):
    """A viewer holds another text than the model said; a figure would mean nothing."""


async def measure(folder: Path) -> dict[str, float]:
    """`agent.token_lag_p50_ms` of one answer and of 20 at once, the p95 of 200, and how many go."""
    figures: dict[str, float] = {}
    for answers, name in FEW.items():
        lags = await token_lags(folder / str(answers), answers, TOKENS)
        figures[name] = median(lags)
    return figures | await _crowds(folder)


async def _crowds(folder: Path) -> dict[str, float]:
    """`agent.token_lag_200_p95_ms`, and as `agent.concurrent_runs` the largest that is carried.

    Stricter than its name: the whole way to a viewer is measured, of which the flush is a part.
    """
    figures: dict[str, float] = {"agent.concurrent_runs": 0.0}
    for answers in (MANY, *CROWDS):
        tokens = answers * TOKENS_FOR_EACH
        late = percentile(await token_lags(folder / str(answers), answers, tokens), 95)
        if answers == MANY:
            figures[f"agent.token_lag_{MANY}_p95_ms"] = late
        if late > CARRIED_MS:
            break
        figures["agent.concurrent_runs"] = float(answers)
    return figures


def _scenario(tokens: int) -> Scenario:
    pace = Pace(chunk_chars=TOKEN_CHARS, chars_per_s=TOKENS_PER_S * TOKEN_CHARS)
    reply = Reply(text=WORDS, repeat=tokens, pace=pace)
    rules = (Rule(when=When(user_contains="talk"), reply=reply),)
    return Scenario(name="token lag bench", rules=rules)


async def token_lags(folder: Path, answers: int, tokens: int) -> list[float]:
    """Milliseconds of each token on its way, of so many answers at once, all rounds together."""
    say(
        f"{answers} answers at once, {TOKENS_PER_S:.0f} tokens/s each, of {TOKEN_CHARS} characters:"
        " the model's server sends a token → an official Convex client holds it"
    )
    lags: list[float] = []
    async with product(_scenario(tokens), folder, UNBOUNDED) as running, Viewers() as viewers:
        client = viewers.open(running.convex_url, token=running.token)
        middles: list[float] = []
        for _ in range(ROUNDS):
            spent = _busy_s()
            took = await _round(running, viewers, client, answers, tokens)
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


async def _round(
    running: Product, viewers: Viewers, client: int, answers: int, tokens: int
) -> list[float]:
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
    together = (
        max(began.values()) + WARM_UP / TOKENS_PER_S,
        min(began.values()) + tokens / TOKENS_PER_S,
    )
    lags: list[float] = []
    for text, message in asked.items():
        lags += _lags_of(came[message], began[text], tokens, together)
    if not lags:
        raise TokensWrong("the last answer began after the first one's end")
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


def _lags_of(
    came: Sequence[Seen], began_at: float, tokens: int, together: tuple[float, float]
) -> list[float]:
    """Of each token that leaves the model in the time: n intervals after its first byte."""
    if not came or came[-1].text != WORDS * tokens:
        raise TokensWrong(f"{came[-1:]}")
    lags: list[float] = []
    updates = iter(came)
    seen = next(updates)
    for number in range(1, tokens + 1):
        while len(seen.text) < number * TOKEN_CHARS:
            seen = next(updates)
        left_at = began_at + number / TOKENS_PER_S
        if together[0] <= left_at <= together[1]:
            lags.append((seen.at - left_at) * 1000)
    return lags
