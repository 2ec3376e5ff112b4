"""How soon a run that goes in circles is stopped, and whether one that works ever is."""

import random
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path

from agent.outcome import Ending
from agent.stuck import is_stuck
from bench.figures import say
from llm.model import Turn
from tests.agent.desk import Desk
from tests.agent.test_stuck import WORKS, tried
from tests.support.scripted_turns import ScriptedTurns, call, calls

LONG = 40  # turns that a model would go on for
MADE = 500  # working runs by chance, beside those that were written down
FILES: dict[str, str | bytes] = {f"{name}.txt": f"This is {name}." for name in "abc"}

CIRCLES: Sequence[Sequence[str]] = (("a.txt",), ("a.txt", "b.txt"), ("a.txt", "b.txt", "c.txt"))


class NotStopped(Exception):
    """A run went in circles to its end."""


async def measure(_folder: Path) -> dict[str, float]:
    """`agent.stop_after_repeats` and `agent.false_alarms`.

    The first: how often a model has gone round (one call, two in turn, three, and one that fails in
    the same way with other arguments each time) until its run ends; the worst of them. The second:
    of runs that work, those that would have been ended. The first time that a run seems to go in
    circles the model is only told so; a run that then gets on is none.
    """
    circles: list[tuple[int, Callable[[int], str]]] = [
        (len(paths), lambda number, paths=paths: paths[number % len(paths)]) for paths in CIRCLES
    ]
    circles.append((1, lambda number: f"missing-{number}.txt"))
    rounds = [ceil(await _turns(path_of) / period) for period, path_of in circles]
    say(f"times round until the run ends: {rounds}")
    made = [_working(random.Random(seed)) for seed in range(MADE)]  # noqa: S311 - repeatable
    runs = [run.split() for run in (*WORKS.values(), *made)]
    alarms = [run for run in runs if _is_ended(run)]
    say(f"of {len(runs)} runs that work, {len(alarms)} would be ended {alarms[:3]}")
    return {"agent.stop_after_repeats": max(rounds), "agent.false_alarms": len(alarms)}


async def _turns(path_of: Callable[[int], str]) -> int:
    """The turns of a run whose model reads these files, without end."""
    script: list[Turn] = [
        calls(call(f"c{number}", "readFile", path=path_of(number))) for number in range(LONG)
    ]
    model = ScriptedTurns(script)
    outcome = await Desk(model, files=dict(FILES)).run()
    if outcome.ending is not Ending.STUCK:
        raise NotStopped(outcome.ending)
    return len(model.requests)


def _is_ended(run: Sequence[str]) -> bool:
    turns = [tried(turn) for turn in run]
    return sum(is_stuck(turns[: end + 1]) for end in range(len(turns))) > 1


def _working(chance: random.Random) -> str:
    """A run as working ones are: it looks, edits and tests, fails, looks again, and gets on."""
    turns: list[str] = []
    for number in range(chance.randint(3, 25)):
        match chance.choice(("read", "again", "edit", "test", "fail", "many")):
            case "read":
                turns.append(f"r{number}")
            case "again":  # what it has read before, at most once in a row
                turns.append(f"r{chance.randrange(number + 1)}")
            case "edit":
                turns += [f"e{number}", f"t{number}"]
            case "test":  # the same command, whose result has changed
                turns.append(f"t{number}")
            case "fail":
                turns += [f"!x{number}:{number}", f"r{number}"]
            case _:
                turns.append(",".join(f"m{number}-{each}" for each in range(5)))
    return " ".join(turns)
