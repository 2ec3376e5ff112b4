"""undo: takes the agent's last changes back, from the checkpoints of its turns."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from tools.arguments import Arguments
from tools.history import ChangeHistory, Step, Undoing
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.text import sha256_of
from tools.tool import Tool
from tools.workspace.paths import MAX_PATH_CHARS, ROOT, confine
from tools.workspace.port import RelPath

MAX_PATHS = 50
MAX_SHOWN = 50

NOTHING = "There is nothing to undo: no turn of this conversation that is not undone changed {what}"


class Undo(Arguments):
    """Arguments of undo."""

    paths: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARS)]] | None,
        Field(
            min_length=1,
            max_length=MAX_PATHS,
            description="Undo only these files or folders; none: the whole turn.",
        ),
    ] = None


async def undo(arguments: Undo, place: Place) -> ToolOutput:
    """Stage the steps back: first what goes, deepest first, then what comes back."""
    paths = None if arguments.paths is None else [confine(path) for path in arguments.paths]
    undoing = await place.need(ChangeHistory).undoing(paths)
    if not undoing.is_known:
        return ToolOutput(NOTHING.format(what="these" if paths else "files"), is_error=True)
    full = [step for step in _in_order_of_removal(undoing.steps) if not await _removed(step, place)]
    for step in _in_order_of_making(undoing.steps):
        if step not in full:
            await _put(step, place)
    return ToolOutput(_told(undoing, full))


async def _removed(step: Step, place: Place) -> bool:
    """Remove what stands there, if it must go; False for a folder with something else in it."""
    if step.now_kind is None or (step.now_kind == step.kind and not step.is_replaced):
        return True
    if step.now_kind == "folder" and await place.files.list_folder(step.path):
        return False
    await place.files.delete(step.path)
    place.seen.pop(step.path, None)
    return True


async def _put(step: Step, place: Place) -> None:
    if step.kind == "folder":
        await place.files.make_folder(step.path)
    elif step.kind == "file":
        stays = step.now_kind == "file" and not step.is_replaced
        now = step.now_sha256 if stays else ""
        await place.files.write(step.path, step.data, expected_sha256=now)
        place.seen[step.path] = sha256_of(step.data)


def _in_order_of_removal(steps: Sequence[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: (step.now_kind == "folder", -step.path.count("/")))


def _in_order_of_making(steps: Sequence[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: (step.kind != "folder", step.path.count("/")))


def _told(undoing: Undoing, full: Sequence[Step]) -> str:
    done = [step for step in undoing.steps if step not in full]
    names = {
        "Brought back": [s.path for s in done if s.kind is not None and not s.is_merged],
        "Removed": [s.path for s in done if s.kind is None],
        "Brought back, with what others have changed since": [s.path for s in done if s.is_merged],
    }
    lines = [f"{what}: {_listed(paths)}" for what, paths in names.items() if paths]
    lines = lines or ["Nothing was changed: everything is as it was before."]
    left = [*undoing.conflicts, *((step.path, "it holds something else") for step in full)]
    if left:
        lines.append("Left as they are:")
        lines += [f"- {path}: {reason}" for path, reason in left[:MAX_SHOWN]]
        if len(left) > MAX_SHOWN:
            lines.append(f"- and {len(left) - MAX_SHOWN} more")
    return "\n".join(lines)


def _listed(paths: Sequence[RelPath]) -> str:
    more = f" and {len(paths) - MAX_SHOWN} more" if len(paths) > MAX_SHOWN else ""
    return ", ".join(sorted(paths)[:MAX_SHOWN]) + more


UNDO = Tool(
    name="undo",
    description=(
        "Undo your last turn in this conversation that changed files, commands included; again: "
        "the one before it. What others have changed since stays."
    ),
    arguments=Undo,
    touches=lambda _: Touches(writes=frozenset({ROOT})),
    run=undo,
)
