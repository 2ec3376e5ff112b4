"""The plan of the model: a list that each call replaces, within bounds."""

from collections.abc import Sequence
from typing import Any

import pytest

from tools.place import Place, Provided
from tools.plan import Item, TodoList
from tools.planning import PLANNING_TOOLS
from tools.registry import Toolbox
from tools.workspace.memory import MemoryWorkspace


class Kept(TodoList):
    def __init__(self) -> None:
        self.plans: list[Sequence[Item]] = []

    def replace(self, items: Sequence[Item]) -> None:
        self.plans.append(items)


def item(text: str, status: str = "pending") -> dict[str, str]:
    return {"text": text, "status": status}


async def run(arguments: dict[str, Any], kept: Kept) -> tuple[str, bool]:
    place = Place(MemoryWorkspace(), need=Provided(kept))
    output = await Toolbox(PLANNING_TOOLS).run("todo", arguments, place)
    return output.text, output.is_error


async def test_each_call_replaces_the_plan_and_its_result_is_short() -> None:
    kept = Kept()
    items = [item("Look", "completed"), item("  Build \n it ", "in_progress"), item("Check")]
    said = await run({"items": items}, kept)
    assert said == ("The plan is kept: 1 of 3 done, 1 in progress.", False)
    assert await run({"items": []}, kept) == ("The plan is empty now.", False)
    assert [[each.text for each in plan] for plan in kept.plans] == [
        ["Look", "Build it", "Check"],
        [],
    ]


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ([item(f"{n}") for n in range(51)], "50"),
        ([item("x" * 201)], "200"),
        ([item("")], "1 character"),
        ([item(" \n")], "an item needs a text"),
        ([item("a\0b")], "NUL"),
        ([item("a", "done")], "in_progress"),
        ([{"text": "a"}], "status"),
        ("Look; build", "items"),
    ],
)
async def test_what_is_no_plan_is_refused_with_the_reason(items: Any, problem: str) -> None:
    kept = Kept()
    text, is_error = await run({"items": items}, kept)
    assert is_error
    assert problem in text
    assert kept.plans == []


async def test_the_largest_plan_is_kept() -> None:
    kept = Kept()
    _, is_error = await run({"items": [item("🙂" * 200) for _ in range(50)]}, kept)
    assert not is_error
    assert len(kept.plans[0]) == 50
