"""Whether what matters of a long conversation is still there after its beginning was condensed."""

import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from agent.loop import Limits
from agent.transcript import Asked
from bench.figures import say
from llm.model import ModelEvent, ModelRequest, TurnEnded
from tests.agent.desk import Desk
from tests.support.scripted_turns import call, calls, is_for_summary, says, told

CONVERSATIONS = 200
TURNS = 34
SUMMARIES = 3
DECIDED = "Decision: "


class TooFewSummaries(Exception):
    """A conversation was condensed less often than the figure says."""


@dataclass
class Reader:
    """Reads one file after the other, and decides something on the way.

    Its summaries have the decisions that it was told, and nothing else: what else is kept, the
    product keeps.
    """

    decision: str
    decides_in: int
    touches: str
    prose: str
    asked: int = 0
    last: str = ""
    summaries: int = 0
    name: str = "bench/reader"
    context_window: int = 200_000

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`."""
        said = told(request)
        if is_for_summary(request):
            self.summaries += 1
            kept = dict.fromkeys(line for line in said.splitlines() if line.startswith(DECIDED))
            yield TurnEnded(says("## Decisions\n" + "\n".join(kept)))
            return
        self.last = said
        number, self.asked = self.asked, self.asked + 1
        if number == TURNS:
            yield TurnEnded(says("All read."))
            return
        text = f"{DECIDED}{self.decision}\n" if number == self.decides_in else self.prose
        path = self.touches if number == 1 else f"src/{number}.ts"
        yield TurnEnded(calls(call(f"c{number}", "readFile", path=path), text=text))


async def measure(_folder: Path) -> dict[str, float]:
    """`agent.needle_kept`: percent of facts that the last request of a conversation still has.

    Of each the first request of the person, a decision of an early turn, and a file that the second
    turn has read; the beginning was replaced by a summary three times at least.
    """
    say(f"{CONVERSATIONS} conversations of {TURNS} turns, condensed {SUMMARIES} times or more")
    kept = 0
    for seed in range(CONVERSATIONS):
        kept += await _kept(random.Random(seed))  # noqa: S311 - repeatable, no secret
    say(f"  {kept} of {CONVERSATIONS * 3} facts are in the last request")
    return {"agent.needle_kept": 100 * kept / (CONVERSATIONS * 3)}


async def _kept(chance: random.Random) -> int:
    wish = f"Build the shop number {chance.randrange(10**9)}, and never use teal."
    model = Reader(
        decision=f"prices are kept in unit {chance.randrange(10**9)}.",
        decides_in=chance.randint(0, 3),
        touches=f"src/early-{chance.randrange(10**6)}.ts",
        prose="This file says what one would think. " * chance.randint(30, 45),
    )
    files: dict[str, str | bytes] = {
        path: "// a line of it\n" * chance.randint(100, 250)
        for path in (model.touches, *(f"src/{number}.ts" for number in range(TURNS)))
    }
    limits = Limits(max_turns=TURNS + 5, history_tokens=4_000)
    await Desk(model, past=(Asked(wish),), files=files, limits=limits).run()
    if model.summaries < SUMMARIES:
        raise TooFewSummaries(str(model.summaries))
    return sum(fact in model.last for fact in (wish, model.decision, model.touches))
