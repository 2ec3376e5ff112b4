"""What the arguments of these tools have in common."""

from typing import Annotated

from pydantic import Field

from tools.arguments import Arguments
from tools.place import Touches
from tools.workspace.paths import MAX_PATH_CHARS, ROOT

FilePath = Annotated[
    str, Field(min_length=1, max_length=MAX_PATH_CHARS, description="File, such as src/app.ts.")
]

MAX_NAME_CHARS = 200


class At(Arguments):
    """A name in a file."""

    path: FilePath
    line: Annotated[int, Field(ge=1, le=10_000_000, description="Line, from 1.")]
    column: Annotated[int, Field(ge=1, le=10_000_000, description="Column, from 1.")] = 1
    symbol: Annotated[
        str,
        Field(max_length=MAX_NAME_CHARS, description="Instead of column: the name on that line."),
    ] = ""


READS_ALL = Touches(reads=frozenset({ROOT}))
"""What a file means depends on all others: a call waits for what is written before it."""
