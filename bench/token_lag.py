"""How long after the model has sent a token a viewer holds it, for one answer and for many."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.figures import percentile, say, say_rounds
from bench.following import DELTAS_PER_CURSOR
from bench.product import UNBOUNDED, Product, product
from bench.viewers import Update, Viewers
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


class TokensWrong(Exception):
    """A viewer holds another text than the model said; a figure would mean nothing."""


@dataclass
class _Viewed:
    """What a page holds of one answer, and when it came to hold so many characters."""

    message_id: str
    base_chars: int = 0
    cursor: int = 0
    number: int = 0
    came: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    is_over: bool = False

    @property
    def subscription(self) -> str:
        return f"{self.message_id}/{self.number}"


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
    watched = {message: _Viewed(message) for message in asked.values()}
    await _watch(viewers, client, watched)
    began = {
        _question(record): record["first_byte_at"] for record in await running.model.requests()
    }
    lags: list[float] = []
    for text, message in asked.items():
        lags += _lags_of(watched[message], began[text])
    return lags


async def _watch(viewers: Viewers, client: int, watched: Mapping[str, _Viewed]) -> None:
    """Follow all of them to their ends, as pages do."""
    for viewed in watched.values():
        _subscribe(viewers, client, viewed)
    while not all(viewed.is_over for viewed in watched.values()):
        update = await viewers.update()
        viewed = watched[update.subscription.split("/")[0]]
        if update.subscription == viewed.subscription and not viewed.is_over:
            _see(viewers, client, viewed, update)


def _see(viewers: Viewers, client: int, viewed: _Viewed, update: Update) -> None:
    page: dict[str, Any] = update.value
    chars = sum(len(run["text"]) for run in page["runs"] if run["kind"] == "text")
    viewed.came.append((update.at, viewed.base_chars + chars))
    viewed.is_over = page["status"] != "processing" and not page["hasMore"]
    if viewed.is_over:
        viewers.unsubscribe(viewed.subscription)
    elif page["next"] - viewed.cursor >= DELTAS_PER_CURSOR or page["hasMore"]:
        viewers.unsubscribe(viewed.subscription)
        viewed.base_chars += chars
        viewed.cursor = int(page["next"])
        viewed.number += 1
        _subscribe(viewers, client, viewed)


def _subscribe(viewers: Viewers, client: int, viewed: _Viewed) -> None:
    args = {"messageId": viewed.message_id, "from": viewed.cursor}
    viewers.subscribe(viewed.subscription, client=client, path="messages:deltas", args=args)


def _question(record: Mapping[str, Any]) -> str:
    content = record["body"]["messages"][-1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def _lags_of(viewed: _Viewed, began_at: float) -> list[float]:
    """Of each token that is counted: token n leaves the model n intervals after its first byte."""
    if not viewed.came or viewed.came[-1][1] != TOKENS * TOKEN_CHARS:
        raise TokensWrong(f"{viewed.message_id}: {viewed.came[-1:]}")
    lags: list[float] = []
    held = iter(viewed.came)
    at, chars = -math.inf, 0
    for number in range(1, TOKENS + 1):
        while chars < number * TOKEN_CHARS:
            at, chars = next(held)
        if number > WARM_UP:
            lags.append((at - (began_at + number / TOKENS_PER_S)) * 1000)
    return lags
