"""todo: the model's plan, a list that each call replaces; people watch it being ticked off."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from core.text import is_storable
from tools.arguments import Arguments
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.tool import Tool

MAX_ITEMS = 50
MAX_ITEM_CHARS = 200

Status = Literal["pending", "in_progress", "completed"]


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        raise ValueError("an item needs a text")
    if not is_storable(line):
        raise ValueError("it holds a NUL or half a character, which cannot be stored")
    return line


class Item(Arguments):
    """One item of a plan."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_ITEM_CHARS), AfterValidator(_one_line)]
    status: Status


class Todo(Arguments):
    """Arguments of todo."""

    items: Annotated[
        list[Item], Field(max_length=MAX_ITEMS, description="The whole plan, in order.")
    ]


class TodoList(ABC):
    """Where the plan of a conversation is kept. Each call of a tool is given one of its own."""

    @abstractmethod
    def replace(self, items: Sequence[Item]) -> None:
        """These are the plan once the call has ended well."""


async def todo(arguments: Todo, place: Place) -> ToolOutput:
    """Replace the plan."""
    place.need(TodoList).replace(arguments.items)
    if not arguments.items:
        return ToolOutput("The plan is empty now.")
    count = Counter(item.status for item in arguments.items)
    return ToolOutput(
        f"The plan is kept: {count['completed']} of {len(arguments.items)} done, "
        f"{count['in_progress']} in progress."
    )


TODO = Tool(
    name="todo",
    description="Write your plan, which the user watches; each call replaces all of it.",
    arguments=Todo,
    touches=lambda _: Touches(),
    run=todo,
)
