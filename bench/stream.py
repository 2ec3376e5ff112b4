"""`make bench SUITE=stream`: from a POST to the screen, with the whole product running."""

import asyncio
import tempfile
from contextlib import aclosing
from pathlib import Path
from statistics import median
from time import monotonic

from bench.figures import percentile, say, say_figures, say_machine, say_rounds
from bench.following import DELTAS_PER_CURSOR, Seen, follow
from bench.lag import concurrent_lag
from bench.product import FLUSH_MS, Product, product, product_on_wire
from bench.viewers import Viewers
from llm.scripted.scenario import Pace, Reply, Rule, Scenario, When

ROUNDS = 5
POSTS = 10  # a round
CANCEL_ROUNDS = 3
CANCELS = 20  # a round
CHARS_BEFORE_CANCEL = 30
BYTE_ROUNDS = 3
ANSWER_CHARS = 16_000
CHARS_PER_S = 800.0  # a fast model
OLDER = 20  # messages in the list
OLDER_CHARS = 4_000  # of each
SETTLE_S = 0.5  # what the end of an answer still causes, such as the list of messages
SENTENCE = "A line of the answer, forty chars wide. "
NO_PACE = Pace(chunk_chars=2_000)

SCENARIO = Scenario(
    name="stream bench",
    rules=(
        Rule(when=When(user_contains="at once"), reply=Reply(text="Here it is.", pace=NO_PACE)),
        Rule(
            when=When(user_contains="at length"),
            reply=Reply(
                text=SENTENCE,
                repeat=ANSWER_CHARS // len(SENTENCE),
                pace=Pace(chunk_chars=16, chars_per_s=CHARS_PER_S),
            ),
        ),
        Rule(
            when=When(user_contains="without end"),
            reply=Reply(
                text=SENTENCE, repeat=1_000, pace=Pace(chunk_chars=10, chars_per_s=CHARS_PER_S)
            ),
        ),
        Rule(
            when=When(user_contains="an older message"),
            reply=Reply(text=SENTENCE, repeat=OLDER_CHARS // len(SENTENCE), pace=NO_PACE),
        ),
    ),
)


class StreamWrong(Exception):
    """The viewer did not see what the model said; a figure would mean nothing."""


async def main() -> None:
    """Run the suite."""
    say_machine()
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        folder = Path(temporary)
        figures: dict[str, float] = {}
        async with product(SCENARIO, folder / "dev") as running, Viewers() as viewers:
            client = viewers.open(running.convex_url, token=running.token)
            figures["stream.post_to_first_delta_p50_ms"] = await first_delta(
                running, viewers, client
            )
            figures["stream.cancel_ack_p95_ms"] = await cancels(running, viewers, client)
        figures |= await byte_ratios(folder / "wire")
        figures["stream.concurrent_200_flush_lag_p95_ms"] = await concurrent_lag(folder / "lag")
    say_figures(figures)


async def first_delta(running: Product, viewers: Viewers, client: int) -> float:
    """From the POST to the first text at a subscriber."""
    say(
        f"POST /api/messages → first delta at an official client that subscribes when the POST is "
        f"answered; the model answers at once; {POSTS} a round, each after the one before is done"
    )
    rounds: list[float] = []
    for _ in range(ROUNDS + 1):
        conversation = await running.api.create_conversation(running.project_id, "first delta")
        took: list[float] = []
        for _ in range(POSTS):
            posted = monotonic()
            message = await running.api.post_message(conversation, "Answer at once")
            updates = [seen async for seen in follow(viewers, client, message)]
            took.append((_first_text(updates) - posted) * 1000)
        rounds.append(median(took))
    return say_rounds("p50", rounds[1:], "ms")  # the first one warms up


def _first_text(updates: list[Seen]) -> float:
    for seen in updates:
        if seen.text:
            return seen.at
    raise StreamWrong(f"no text came: {updates[-1:]}")


async def cancels(running: Product, viewers: Viewers, client: int) -> float:
    """From the POST of a cancel until nothing of the answer goes on."""
    say(
        f"cancel POST → a subscriber sees `cancelled` and the model server sees its connection "
        f"closed, the later of the two; {CANCELS} a round, each in the middle of an answer"
    )
    rounds: list[float] = []
    for _ in range(CANCEL_ROUNDS):
        conversation = await running.api.create_conversation(running.project_id, "cancel")
        took = [
            await _cancel(running, viewers, client, conversation) * 1000 for _ in range(CANCELS)
        ]
        rounds.append(percentile(took, 95))
    return say_rounds("p95", rounds, "ms")


async def _cancel(running: Product, viewers: Viewers, client: int, conversation: str) -> float:
    await running.model.reset()
    message = await running.api.post_message(conversation, "Talk without end")
    cancelled_at: float | None = None
    last: Seen | None = None
    async with aclosing(follow(viewers, client, message)) as updates:
        async for last in updates:
            if cancelled_at is None and len(last.text) >= CHARS_BEFORE_CANCEL:
                cancelled_at = monotonic()
                await running.api.cancel(message)
    if cancelled_at is None or last is None or last.status != "cancelled":
        raise StreamWrong(f"the answer was not cancelled: {last}")
    requests = await running.model.requests(until="client_disconnected")
    closed_at: float = requests[-1]["client_disconnected_at"]  # the same monotonic clock
    return max(last.at, closed_at) - cancelled_at


async def byte_ratios(folder: Path) -> dict[str, float]:
    """Bytes on the wire for a long answer, per byte of its text."""
    say(
        f"bytes of a {ANSWER_CHARS:,} character answer at {CHARS_PER_S:.0f} characters/s, deltas "
        f"flushed every {FLUSH_MS} ms, {OLDER} older messages of {OLDER_CHARS:,} characters; "
        f"counted by a TCP proxy, headers included, from the POST until the viewer has seen the end"
    )
    say(
        f"  the viewer: an official client on messages:list (a page of 25) and on messages:deltas "
        f"with a cursor that moves every {DELTAS_PER_CURSOR} deltas; both directions"
    )
    say("  the product: all that `polaris dev` sends to Convex, its polling included")
    sent: list[float] = []
    viewed: list[float] = []
    async with (
        product_on_wire(SCENARIO, folder) as (running, to_store, to_viewer),
        Viewers() as page,
    ):
        client = page.open(to_viewer.url, token=running.token)
        for r in range(BYTE_ROUNDS):
            conversation = await running.api.create_conversation(running.project_id, f"bytes {r}")
            for _ in range(OLDER // 2):
                text = "an older message".ljust(OLDER_CHARS, ".")
                older = await running.api.post_message(conversation, text)
                async for _ in follow(page, client, older):
                    pass
            options = {"numItems": 25, "cursor": None}
            page.subscribe(
                "list",
                client=client,
                path="messages:list",
                args={"conversationId": conversation, "paginationOpts": options},
            )
            await _listed(page)
            before = to_store.crossed, to_viewer.crossed
            message = await running.api.post_message(conversation, "Answer at length")
            updates = [seen async for seen in follow(page, client, message)]
            if updates[-1].text != SENTENCE * (ANSWER_CHARS // len(SENTENCE)):
                raise StreamWrong("the viewer holds another text than the model said")
            await asyncio.sleep(SETTLE_S)
            store_bytes = to_store.crossed.since(before[0])
            viewer_bytes = to_viewer.crossed.since(before[1])
            page.unsubscribe("list")
            changes = len({seen.text for seen in updates})
            say(
                f"  round {r}: {changes} flushes seen; sent {store_bytes.up:,} B (answers to it "
                f"{store_bytes.down:,} B); viewer got {viewer_bytes.down:,} B, sent "
                f"{viewer_bytes.up:,} B"
            )
            sent.append(store_bytes.up / ANSWER_CHARS)
            viewed.append((viewer_bytes.down + viewer_bytes.up) / ANSWER_CHARS)
    return {
        "stream.sent_bytes_ratio": say_rounds("sent ÷ text", sent, ""),
        "stream.viewer_bytes_ratio": say_rounds("viewer ÷ text", viewed, ""),
    }


async def _listed(page: Viewers) -> None:
    """Wait for the list with every older message."""
    while True:
        update = await page.update()
        if update.subscription == "list" and len(update.value["page"]) >= OLDER:
            return
