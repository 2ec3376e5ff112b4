"""findFilesByPattern: the files whose paths match a glob."""

from typing import Annotated

from pydantic import Field

from tools.arguments import Arguments
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.search.globs import MAX_GLOB_CHARS, glob_of
from tools.search.listing import list_files
from tools.tool import Tool
from tools.workspace.paths import ROOT

MAX_SHOWN = 200  # paths; about 2,000 tokens


class FindFilesByPattern(Arguments):
    """Arguments of findFilesByPattern."""

    pattern: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_GLOB_CHARS,
            description="A glob: *.ts finds in every folder, src/*.ts in src, src/**/*.{ts,tsx}.",
        ),
    ]


async def find_files_by_pattern(arguments: FindFilesByPattern, place: Place) -> ToolOutput:
    """The paths that match, sorted."""
    glob = glob_of(arguments.pattern)
    paths = await list_files(place, glob)
    if not paths:
        text = f'No files matching pattern "{glob.text}" found.'
        if "/" in glob.text.strip("/") and "**" not in glob.text:
            text += " It begins at the project's root; **/ before it finds in every folder."
        return ToolOutput(text=text)
    lines = [f'Found {len(paths)} file(s) matching "{glob.text}":', *paths[:MAX_SHOWN]]
    if len(paths) > MAX_SHOWN:
        lines.append(f"[{len(paths) - MAX_SHOWN:,} more are not shown; ask with a narrower glob.]")
    return ToolOutput(text="\n".join(lines))


FIND_FILES_BY_PATTERN = Tool(
    name="findFilesByPattern",
    description="Find files by a glob of their path. Files that .gitignore names are left out.",
    arguments=FindFilesByPattern,
    touches=lambda _: Touches(reads=frozenset({ROOT})),
    run=find_files_by_pattern,
)
