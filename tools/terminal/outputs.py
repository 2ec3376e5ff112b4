"""What is shown of a long output, and where the whole is."""

from pathlib import Path

from tools.output import FullTextPart, Part
from tools.outputs import Outputs, where_whole
from tools.terminal.shown import both_ends, lines_cut, without_middle


async def shown(text: str, folder: Path, outputs: Outputs | None) -> tuple[str, list[Part]]:
    """The text as a model gets it: long lines cut, and the middle if there is much of it.

    Args:
        text: what a program printed.
        folder: of the project, in which the whole text can be read.
        outputs: where it is kept then, and the part that says so; None: what is cut out is gone.
    """
    if (ends := both_ends(text)) is None:
        return lines_cut(text), []
    if outputs is None:
        return without_middle(ends), []
    handle, size_bytes = await outputs.keep(folder, text)
    return without_middle(ends, f"; {where_whole(handle)}"), [FullTextPart(handle, size_bytes)]
