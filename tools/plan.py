"""The plan of a model, as it writes it, and the port behind `todo`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from core.text import is_storable
from tools.arguments import Arguments

TODO_NAME = "todo"
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
