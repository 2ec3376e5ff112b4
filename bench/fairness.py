"""`make bench SUITE=fairness`: whether one user, or a stranger, slows another down."""

import asyncio
import tempfile
from contextlib import aclosing
from pathlib import Path
from time import monotonic

from app.demo.client import Api
from app.identity.local_user import open_local_user
from bench import fairness_sockets
from bench.figures import say, say_figures, say_machine, say_rounds
from bench.following import follow
from bench.product import Product, product
from bench.viewers import Viewers
from core.clock import SystemClock
from core.ids import OwnerId
from llm.scripted.scenario import Pace, Reply, Rule, Scenario, When

SLOW_ANSWERS = 200
SLOW_CHARS_PER_S = 20.0
SLOW_LINES = 500  # of forty characters: none ends while the bench looks
LIVE_AT_ONCE = 100  # of the slow ones, before anybody else comes: a process executes 200 at most
START_S = 120.0
ROUNDS = 7
NEWCOMER = OwnerId("bench-newcomer")

SCENARIO = Scenario(
    name="fairness bench",
    rules=(
        Rule(
            when=When(user_contains="a long story"),
            reply=Reply(
                text="A line of the story, forty chars wide.. ",
                repeat=SLOW_LINES,
                pace=Pace(chunk_chars=10, chars_per_s=SLOW_CHARS_PER_S),
            ),
        ),
        Rule(
            when=When(user_contains="hi"),
            reply=Reply(text="Hello!", pace=Pace(chunk_chars=2_000)),
        ),
    ),
)


async def main() -> None:
    """Run the suite."""
    say_machine()
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        folder = Path(temporary)
        async with product(SCENARIO, folder) as running, Viewers() as viewers:
            token = open_local_user(folder / "polaris").token(SystemClock(), owner=NEWCOMER)
            async with Api(running.api_url, token) as newcomer:
                client = viewers.open(running.convex_url, token=token)
                alone_ms = await hi(newcomer, viewers, client, "alone")
                await fill(running)
                beside_ms = await hi(newcomer, viewers, client, f"beside {SLOW_ANSWERS}")
        sockets = await fairness_sockets.figures(folder / "sockets")
    own = {"fairness.hi_alone_ms": alone_ms, "fairness.hi_beside_200_ms": beside_ms}
    say_figures(own | sockets)


async def fill(running: Product) -> None:
    """One user asks for as many slow answers as a process executes."""
    api = running.api
    asked_at = monotonic()
    messages: list[str] = []
    for number in range(SLOW_ANSWERS):
        conversation = await api.create_conversation(running.project_id, f"story {number}")
        messages.append(await api.post_message(conversation, "Tell me a long story"))
    async with asyncio.timeout(START_S):
        while await _live(running) < LIVE_AT_ONCE:  # noqa: ASYNC110 - a count, not an event
            await asyncio.sleep(0.2)
    say(
        f"  {await _live(running)} of {SLOW_ANSWERS} slow answers stream "
        f"{monotonic() - asked_at:.1f} s after the first was asked for"
    )


async def _live(running: Product) -> int:
    asked = await running.model.requests()
    return sum(1 for each in asked if each["first_byte_at"] and not each["finished_at"])


async def hi(api: Api, viewers: Viewers, client: int, when: str) -> float:
    """The median of POST → first text at an official client, of a user with one short question."""
    project = await api.create_project(f"hi {when}")
    rounds: list[float] = []
    for _ in range(ROUNDS):
        conversation = await api.create_conversation(project, "hi")
        posted = monotonic()
        message = await api.post_message(conversation, "hi")
        async with aclosing(follow(viewers, client, message)) as updates:
            async for seen in updates:
                if seen.text:
                    rounds.append((seen.at - posted) * 1000)
                    break
    return say_rounds(f"hi → first text, {when}", rounds, "ms")
