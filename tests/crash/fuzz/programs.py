"""Random programs of steps: how they are made, what they wait for, what they must return."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

Op = list[Any]
"""A kind, a step id, and what the kind needs; JSON, because programs travel in events."""

LONGEST_STEP_MS = 40
LONGEST_SLEEP_MS = 300
SIMPLE = ("run", "run", "retry", "broken", "sleep", "sleep_until", "timeout")
TALKING = ("wait", "signal", "invoke", "send")
MAX_DEPTH = 2
CHILDREN = 1_000  # numbers of a program's children start at its own times this


@dataclass(frozen=True)
class Program:
    """What one run does. `fails` says whether its body raises in the end."""

    number: int
    ops: list[Op]
    fails: bool = False

    def data(self) -> dict[str, Any]:
        """The data of the event that starts it."""
        return {"number": self.number, "ops": self.ops, "fails": self.fails}


class _Maker:
    def __init__(self, number: int, chance: random.Random) -> None:
        self._number = number
        self._chance = chance
        self._ids = 0
        self._children = 0

    def ops(self, kinds: tuple[str, ...], depth: int) -> list[Op]:
        found: list[Op] = []
        for _ in range(self._chance.randint(1, 4 if depth == 0 else 2)):
            if depth < MAX_DEPTH and self._chance.random() < 0.2:
                found.append(self._group(kinds, depth))
            else:
                found.append(self._op(self._chance.choice(kinds)))
        return found

    def _group(self, kinds: tuple[str, ...], depth: int) -> Op:
        kind = self._chance.choice(("parallel", "race"))
        # What loses a race is given up, so nothing that others count on stands in one.
        inside = SIMPLE if kind == "race" else kinds
        branches = [self.ops(inside, depth + 1) for _ in range(self._chance.randint(2, 3))]
        return [kind, self._id(kind), branches]

    def _id(self, kind: str) -> str:
        self._ids += 1
        return f"{kind}-{self._ids}"

    def _op(self, kind: str) -> Op:  # noqa: PLR0911 - one return for each kind
        chance, step_id = self._chance, self._id(kind)
        match kind:
            case "run":
                return [kind, step_id, chance.randint(0, LONGEST_STEP_MS)]
            case "retry":
                return [kind, step_id, chance.randint(1, 3)]
            case "sleep" | "sleep_until" | "timeout":
                return [kind, step_id, chance.randint(1, LONGEST_SLEEP_MS)]
            case "signal":
                return [kind, step_id, f"signal-{self._number}-{step_id}"]
            case "send":
                return [kind, step_id, chance.randint(1, 3)]
            case "invoke":
                self._children += 1
                number = self._number * CHILDREN + self._children
                child = _Maker(number, chance).ops((*SIMPLE, "wait", "signal"), MAX_DEPTH)
                return [kind, step_id, Program(number, child).data()]
            case _:
                return [kind, step_id]


def make(number: int, chance: random.Random) -> Program:
    """A program of all kinds of steps; one in six fails."""
    ops = _Maker(number, chance).ops((*SIMPLE, *TALKING), 0)
    return Program(number, ops, fails=chance.random() < 1 / 6)


def make_in_line(number: int, chance: random.Random) -> Program:
    """A program that keeps its place under a concurrency key from start to end."""
    return Program(number, _Maker(number, chance).ops(("run",), MAX_DEPTH))


def flat(number: int, ops: list[Op]) -> Iterator[tuple[int, Op]]:
    """Every op with the number of the program it belongs to, children and branches included."""
    for op in ops:
        yield number, op
        match op:
            case ["parallel" | "race", _, branches]:
                for branch in branches:
                    yield from flat(number, branch)
            case ["invoke", _, child]:
                yield from flat(child["number"], child["ops"])
            case _:
                pass


def fits(ops: list[Op], result: object) -> bool:
    """Whether a run of these steps may have returned this."""
    if not isinstance(result, list):
        return False
    values = cast("list[Any]", result)
    return len(values) == len(ops) and all(map(_fits, ops, values))


def _fits(op: Op, value: Any) -> bool:
    match op:
        case ["parallel", _, branches]:
            # A race may have been won by a branch of another shape.
            several = cast("list[Any]", value) if isinstance(value, list) else []
            return len(several) == len(branches) and all(map(fits, branches, several))
        case ["race", _, branches]:
            return any(fits(branch, value) for branch in branches)
        case ["invoke", _, child]:
            return fits(child["ops"], value)
        case ["timeout", *_]:
            return value is None
        case ["send", _, count]:
            return value == count
        case _:
            return value == op[1]
