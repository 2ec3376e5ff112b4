"""The plan that the model has written with `todo`, for requests that leave out where it did."""

from collections.abc import Iterable

from pydantic import ValidationError

from agent import words
from agent.transcript import RecordedTurn
from llm.model import ToolCall
from tools.plan import TODO_NAME, Item, Todo

_MARKS = {"pending": "[ ]", "in_progress": "[>]", "completed": "[x]"}


def latest_plan(turns: Iterable[RecordedTurn], *, chars: int) -> str | None:
    """The last plan of these turns, in words; None: none was written, or it is empty.

    Over so many characters, what is done goes first, then the end.
    """
    items: list[Item] = []
    for recorded in turns:
        for part in recorded.turn.message.parts:
            if isinstance(part, ToolCall) and part.name == TODO_NAME:
                written = _written(recorded, part)
                items = items if written is None else written
    return words.planned(_lines(items, chars)) if items else None


def _written(recorded: RecordedTurn, call: ToolCall) -> list[Item] | None:
    """The plan of a call that ended well."""
    output = recorded.outputs.get(call.call_id)
    if output is None or output.is_error:
        return None
    try:
        return Todo.model_validate(dict(call.arguments)).items
    except ValidationError:
        return None


def _lines(items: list[Item], chars: int) -> list[str]:
    lines = [f"{_MARKS[item.status]} {item.text}" for item in items]
    if _size(lines) <= chars:
        return lines
    done = sum(item.status == "completed" for item in items)
    open_lines = [
        line for item, line in zip(items, lines, strict=True) if item.status != "completed"
    ]
    kept = [f"({done} items are done)"] if done else []
    for number, line in enumerate(open_lines):
        if _size([*kept, line]) > chars:
            return [*kept, f"({len(open_lines) - number} more items)"]
        kept.append(line)
    return kept


def _size(lines: list[str]) -> int:
    return sum(len(line) + 1 for line in lines)
