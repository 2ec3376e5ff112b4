"""What a cancel costs: until the connection to the model is closed, and in words that are lost."""

import asyncio
from pathlib import Path
from statistics import median
from time import monotonic

from bench.figures import percentile, say
from bench.product import UNBOUNDED, Product, product
from llm.scripted.scenario import Pace, Reply, Rule, Scenario, When

CANCELS = 60
TOKENS_PER_S = 100.0
TOKEN_CHARS = 4
LEAST_S = 0.2  # of the answer, before it is cancelled
SPREAD_S = 0.05  # cancels fall anywhere between two tokens and two writes

SCENARIO = Scenario(
    name="cancel bench",
    rules=(
        Rule(
            when=When(user_contains="without end"),
            reply=Reply(
                text="word",
                repeat=5_000,
                pace=Pace(chunk_chars=TOKEN_CHARS, chars_per_s=TOKENS_PER_S * TOKEN_CHARS),
            ),
        ),
    ),
)


async def measure(folder: Path) -> dict[str, float]:
    """`agent.cancel_closes_ms` and `agent.cancel_lost_chars`, the p50 of many cancels, and worst.

    Lost are the characters that the model's server had sent and the cancelled message has not.
    """
    say(
        f"cancel POST → the model's server sees its connection closed; and the characters that it"
        f" had sent less those of the cancelled message; {CANCELS} cancels at {TOKENS_PER_S:.0f}"
        " tokens/s"
    )
    closes: list[float] = []
    lost: list[float] = []
    async with product(SCENARIO, folder, UNBOUNDED) as running:
        conversation = await running.api.create_conversation(running.project_id, "cancel")
        for number in range(CANCELS):
            took_ms, chars = await _cancel(running, conversation, number / CANCELS * SPREAD_S)
            closes.append(took_ms)
            lost.append(chars)
    say(f"  p50 {median(closes):.1f} ms, p95 {percentile(closes, 95):.1f} ms")
    say(f"  lost: {sum(chars > 0 for chars in lost)} of {CANCELS}, most {max(lost):.0f} characters")
    return {
        "agent.cancel_closes_ms": median(closes),
        "agent.cancel_lost_chars": median(lost),
        "agent.cancel_lost_chars_max": max(lost),
    }


async def _cancel(running: Product, conversation: str, after_s: float) -> tuple[float, float]:
    await running.model.reset()
    message = await running.api.post_message(conversation, "Talk without end")
    await running.model.requests(until="first_byte")
    await asyncio.sleep(LEAST_S + after_s)
    cancelled_at = monotonic()
    await running.api.cancel(message)
    record = (await running.model.requests(until="client_disconnected"))[-1]
    kept = (await running.api.message(message))["content"]
    closed_at: float = record["client_disconnected_at"]  # by the same monotonic clock
    return (closed_at - cancelled_at) * 1000, record["sent_chars"] - len(kept)
