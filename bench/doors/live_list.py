"""What a page that reads the whole list live costs, beside one that reads deltas."""

import asyncio
from pathlib import Path

from bench.figures import say, say_rounds
from bench.following import follow
from bench.product import Product, product_on_wire
from bench.viewers import Viewers
from bench.wire import Wire
from llm.scripted.scenario import Pace, Reply, Rule, Scenario, When

ROUNDS = 3
ANSWER_CHARS = 16_000
CHARS_PER_S = 800.0  # a fast model
OLDER = 20  # exchanges
ASKED_CHARS = 100  # of each, and the answer to it:
TOLD_CHARS = 1_000
SENTENCE = "A line of the answer, forty chars wide. "
SETTLE_S = 0.5

SCENARIO = Scenario(
    name="live list",
    rules=(
        Rule(
            when=When(user_contains="at length"),
            reply=Reply(
                text=SENTENCE,
                repeat=ANSWER_CHARS // len(SENTENCE),
                pace=Pace(chunk_chars=16, chars_per_s=CHARS_PER_S),
            ),
        ),
        Rule(
            when=When(user_contains="an older one"),
            reply=Reply(
                text=SENTENCE, repeat=TOLD_CHARS // len(SENTENCE), pace=Pace(chunk_chars=2_000)
            ),
        ),
    ),
)


class ListWrong(Exception):
    """The page did not see the whole answer; a figure would mean nothing."""


async def bytes_ratio(folder: Path) -> float:
    """What crosses the wire of `conversations:getMessages`, by that of list and deltas."""
    say(
        f"bytes of a {ANSWER_CHARS:,} character answer at {CHARS_PER_S:.0f} characters/s behind "
        f"{OLDER} exchanges of {ASKED_CHARS} + {TOLD_CHARS:,} characters, both ways, by a TCP proxy"
    )
    rounds: list[float] = []
    async with product_on_wire(SCENARIO, folder) as (running, _, wire), Viewers() as viewers:
        client = viewers.open(wire.url, token=running.token)
        for number in range(ROUNDS):
            deltas = await _by_deltas(running, viewers, client, wire)
            whole, updates = await _by_list(running, viewers, client, wire)
            rounds.append(whole / deltas)
            say(f"  round {number}: deltas {deltas:,} B; list {whole:,} B in {updates} updates")
    return say_rounds("list ÷ deltas", rounds, "")


async def _conversation(running: Product, viewers: Viewers, client: int) -> str:
    conversation = await running.api.create_conversation(running.project_id, "live list")
    for _ in range(OLDER):
        text = "an older one".ljust(ASKED_CHARS, ".")
        older = await running.api.post_message(conversation, text)
        async for _ in follow(viewers, client, older):
            pass
    return conversation


async def _by_deltas(running: Product, viewers: Viewers, client: int, wire: Wire) -> int:
    """As our page: the newest messages, and the deltas of the one that is written."""
    conversation = await _conversation(running, viewers, client)
    args = {
        "conversationId": conversation,
        "paginationOpts": {"numItems": 2 * OLDER + 2, "cursor": None},
    }
    viewers.subscribe("list", client=client, path="messages:list", args=args)
    while (await viewers.update()).subscription != "list":
        pass
    before = wire.crossed
    message = await running.api.post_message(conversation, "Answer at length")
    updates = [seen async for seen in follow(viewers, client, message)]
    if len(updates[-1].text) < ANSWER_CHARS:
        raise ListWrong(f"{len(updates[-1].text)} characters by deltas")
    await asyncio.sleep(SETTLE_S)
    viewers.unsubscribe("list")
    crossed = wire.crossed.since(before)
    return crossed.up + crossed.down


async def _by_list(running: Product, viewers: Viewers, client: int, wire: Wire) -> tuple[int, int]:
    """As front ends A and J; the bytes, and how many updates they had."""
    conversation = await _conversation(running, viewers, client)
    path, args = "conversations:getMessages", {"conversationId": conversation}
    viewers.subscribe("whole", client=client, path=path, args=args)
    while (await viewers.update()).subscription != "whole":
        pass
    before = wire.crossed
    await running.api.post_message(conversation, "Answer at length")
    updates = 0
    while True:
        update = await viewers.update()
        if update.subscription != "whole":
            continue
        updates += 1
        last = update.value[-1]
        if last.get("status") == "completed":
            break
    if len(last["content"]) < ANSWER_CHARS or updates < 5:  # noqa: PLR2004 - else it is not live
        raise ListWrong(f"{len(last['content'])} characters in {updates} updates")
    await asyncio.sleep(SETTLE_S)
    viewers.unsubscribe("whole")
    crossed = wire.crossed.since(before)
    return crossed.up + crossed.down, updates
