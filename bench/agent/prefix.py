"""How much of a request the provider has read before, and so has in its cache."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from agent.loop import Limits
from agent.transcript import Answered, Asked
from bench.agent.strict import blocks_of
from bench.figures import say
from llm.model import ModelEvent, ModelRequest, TurnEnded
from llm.scripted.anthropic_rules import plain
from tests.agent.desk import Desk
from tests.support.scripted_turns import call, calls, says

TURNS = 50
WISH, NEXT = "Read all of it.", "And now?"


@dataclass
class Steady:
    """Reads a file a turn; keeps what it was asked, as the provider's cache sees it."""

    asked: list[list[str]] = field(default_factory=list[list[str]])
    turns: int = TURNS
    name: str = "bench/steady"
    context_window: int = 200_000

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`."""
        self.asked.append([plain(block) for block in blocks_of(request)])
        number = len(self.asked)
        if number >= self.turns:
            yield TurnEnded(says("Done."))
        else:
            step = call(f"c{number}", "readFile", path=f"{number}.txt")
            yield TurnEnded(calls(step, text=f"Now file {number}."))


async def measure(_folder: Path) -> dict[str, float]:
    """`agent.cache_prefix_stable_turns` and `agent.cache_prefix_shared_next_message`.

    The first: of the requests of a run, those that begin with all of the one before. The second:
    percent of the run's last request that the first one of the next message begins with.
    """
    model = Steady()
    desk = Desk(
        model,
        past=(Asked(WISH),),
        limits=Limits(max_turns=TURNS + 5),
        files={f"{number}.txt": f"File {number}.\n" * 20 for number in range(TURNS)},
    )
    outcome = await desk.run()
    pairs = zip(model.asked, model.asked[1:], strict=False)
    stable = 1 + sum(after[: len(before)] == before for before, after in pairs)
    answered = Answered("completed", await desk.text(outcome), tuple(desk.transcript.turns))
    following = Steady(turns=1)
    await Desk(following, past=(Asked(WISH), answered, Asked(NEXT))).run()
    last = model.asked[-1]
    shared = 100 * _chars(_common(last, following.asked[0])) / _chars(last)
    say(f"{stable} of {len(model.asked)} requests begin with the one before")
    say(f"the next message's first request has {shared:.1f} % of the last one")
    return {
        "agent.cache_prefix_stable_turns": stable,
        "agent.cache_prefix_shared_next_message": shared,
    }


def _common(one: Sequence[str], other: Sequence[str]) -> list[str]:
    pairs = zip(one, other, strict=False)
    return [block for block, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _chars(blocks: Sequence[str]) -> int:
    return sum(map(len, blocks))
