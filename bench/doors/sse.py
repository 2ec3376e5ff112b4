"""An answer at a reader of Server-Sent Events: how late, and how many bytes."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic

import aiohttp

from bench.figures import percentile, say, say_rounds
from bench.product import Product, product
from llm.scripted.scenario import Pace, Reply, Rule, Scenario, When

ROUNDS = 3
ANSWER_CHARS = 16_000
CHARS_PER_S = 800.0  # a fast model
SENTENCE = "A line of the answer, forty chars wide. "
CHUNKS = {"of a token": 4, "of a few": 16}
_LIMIT = 1 << 20


@dataclass(frozen=True)
class Read:
    """What a reader has seen: when it had how much text, and all bytes of the stream's body."""

    text: str
    had: list[tuple[float, int]]
    size_bytes: int


def scenario() -> Scenario:
    """The same answer in chunks of both sizes."""
    repeat = ANSWER_CHARS // len(SENTENCE)
    rules = tuple(
        Rule(
            when=When(user_contains=name),
            reply=Reply(
                text=SENTENCE,
                repeat=repeat,
                pace=Pace(chunk_chars=chars, chars_per_s=CHARS_PER_S),
            ),
        )
        for name, chars in CHUNKS.items()
    )
    return Scenario(name="doors bench", rules=rules)


async def reading(folder: Path) -> dict[str, float]:
    """Lag and bytes; the figures are those of the smallest chunks, which are the dearest."""
    say(f"an answer of {ANSWER_CHARS:,} characters at {CHARS_PER_S:.0f} a second, one reader")
    figures: dict[str, float] = {}
    async with product(scenario(), folder) as running:
        for name, chunk_chars in CHUNKS.items():
            lags: list[float] = []
            ratios: list[float] = []
            for _ in range(ROUNDS):
                lag_ms, ratio = await _round(running, name, chunk_chars)
                lags.append(lag_ms)
                ratios.append(ratio)
            say(f"  in chunks {name} ({chunk_chars} characters):")
            figures |= {
                f"doors.sse_lag_{chunk_chars}_p50_ms": say_rounds("lag p50", lags, "ms"),
                f"doors.sse_bytes_ratio_{chunk_chars}": say_rounds("bytes / character", ratios, ""),
            }
    smallest = min(CHUNKS.values())
    return figures | {
        "doors.sse_lag_p50_ms": figures[f"doors.sse_lag_{smallest}_p50_ms"],
        "doors.sse_bytes_ratio": figures[f"doors.sse_bytes_ratio_{smallest}"],
    }


async def _round(running: Product, words: str, chunk_chars: int) -> tuple[float, float]:
    await running.model.reset()
    conversation = await running.api.create_conversation(running.project_id, "sse")
    url = f"{running.api_url}/api/conversations/{conversation}/events"
    headers = {"Authorization": f"Bearer {running.token}"}
    async with (
        aiohttp.ClientSession(read_bufsize=_LIMIT) as session,
        session.get(url, headers=headers) as stream,
    ):
        await running.api.post_message(conversation, f"Say it in chunks {words}")
        read = await _read(stream)
    assert len(read.text) == ANSWER_CHARS  # noqa: S101 - or no figure counts
    (asked,) = [it for it in await running.model.requests() if it["sent_chars"] == ANSWER_CHARS]
    begun: float = asked["first_byte_at"]  # the same monotonic clock
    every_s = chunk_chars / CHARS_PER_S
    lags: list[float] = []
    seen = 0
    for at, chars in read.had:
        lags.extend(
            (at - begun - last / chunk_chars * every_s) * 1000
            for last in range(seen + chunk_chars, chars + 1, chunk_chars)
        )
        seen = chars - chars % chunk_chars
    say(f"    lag p95 {percentile(lags, 95):.1f} ms, {len(read.had):,} events")
    return median(lags), read.size_bytes / ANSWER_CHARS


async def _read(stream: aiohttp.ClientResponse) -> Read:
    text = ""
    had: list[tuple[float, int]] = []
    size_bytes = 0
    while True:
        block = await stream.content.readuntil(b"\n\n")
        size_bytes += len(block)
        fields = dict(line.split(":", 1) for line in block.decode().strip().split("\n"))
        if "data" in fields and "event" not in fields:
            text += json.loads(fields["data"])
            had.append((monotonic(), len(text)))
        if fields.get("event") == "end":
            return Read(text, had, size_bytes)
