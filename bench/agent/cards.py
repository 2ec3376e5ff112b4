"""What a viewer gets for the tool calls of an answer, against what there is to see of them."""

import json
from pathlib import Path
from typing import Any

from bench.figures import say
from bench.product import UNBOUNDED, Product, product
from bench.viewers import Viewers
from llm.scripted.scenario import Call, Pace, Reply, Rule, Scenario, When

TURNS = 6
CALLS = 9  # of each turn, all reads, which run side by side
LINES = 400  # of a file that is read
OPEN = {"pending", "running"}

SCENARIO = Scenario(
    name="cards bench",
    rules=(
        *(
            Rule(
                when=When(user_contains="read all", tool_results=turn * CALLS),
                reply=Reply(
                    text=f"Turn {turn}.",
                    tool_calls=tuple(
                        Call(name="readFile", arguments={"path": f"src/{turn}-{call}.txt"})
                        for call in range(CALLS)
                    ),
                    pace=Pace(chunk_chars=2_000),
                ),
            )
            for turn in range(TURNS)
        ),
        Rule(when=When(user_contains="read all"), reply=Reply(text="Done.")),
    ),
)


class CardsWrong(Exception):
    """The viewer does not hold what the answer's calls came to."""


async def measure(folder: Path) -> dict[str, float]:
    """`agent.tool_cards_bytes_ratio`: JSON of all updates ÷ that of each state of a card, once.

    A call has three at most: as it is made, as it runs, and as it has ended.
    """
    async with product(SCENARIO, folder, UNBOUNDED) as running, Viewers() as viewers:
        for turn in range(TURNS):
            for call in range(CALLS):
                data = f"Line of file {turn}-{call}.\n".encode() * LINES
                await running.api.write_file(running.project_id, f"src/{turn}-{call}.txt", data)
        got, states = await _viewed(running, viewers)
    needed = sum(map(len, states))
    say(f"{got:,} bytes for {needed:,} bytes of {len(states)} states of {TURNS * CALLS} calls")
    return {"agent.tool_cards_bytes_ratio": got / needed}


async def _viewed(running: Product, viewers: Viewers) -> tuple[int, set[str]]:
    """The bytes of all updates until every call has ended, and each state of a card in them."""
    conversation = await running.api.create_conversation(running.project_id, "cards")
    message = await running.api.post_message(conversation, "Please read all")
    client = viewers.open(running.convex_url, token=running.token)
    kept: dict[str, dict[str, Any]] = {}
    states: set[str] = set()
    got, after = 0, 0
    name = _subscribed(viewers, client, message, after)
    while len(kept) < TURNS * CALLS or any(card["status"] in OPEN for card in kept.values()):
        update = await viewers.update()
        got += len(json.dumps(update.value))
        states |= {json.dumps(card) for card in update.value["cards"]}
        if update.subscription != name:
            continue
        kept |= {f"{card['turn']}.{card['id']}": card for card in update.value["cards"]}
        if (reached := int(update.value["next"])) > after:
            viewers.unsubscribe(name)
            after = reached
            name = _subscribed(viewers, client, message, after)
    if {card["status"] for card in kept.values()} != {"completed"}:
        raise CardsWrong(f"{kept}")
    return got, states


def _subscribed(viewers: Viewers, client: int, message: str, after: int) -> str:
    name = f"cards after {after}"
    args = {"messageId": message, "after": after}
    viewers.subscribe(name, client=client, path="messages:toolCards", args=args)
    return name
