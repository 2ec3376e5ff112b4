"""The plan that a call writes: staged, and kept with the result of the call."""

from collections.abc import Sequence

from store.records import TodoItem
from tools.plan import Item, TodoList


class StagedPlan(TodoList):
    """See `TodoList`. `items` is None while the call has written none."""

    def __init__(self) -> None:
        self.items: tuple[TodoItem, ...] | None = None

    def replace(self, items: Sequence[Item]) -> None:
        """Keep them with the result of the call."""
        self.items = tuple(TodoItem(item.text, item.status) for item in items)
