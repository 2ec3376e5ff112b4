"""What the arguments of the search tools have in common."""

from typing import Annotated

from pydantic import Field

from core.errors import Refused
from core.text import is_storable
from tools.search.globs import MAX_GLOB_CHARS, Glob, glob_of

MAX_PATTERN_CHARS = 1_000


FilePattern = Annotated[
    str | None,
    Field(
        alias="filePattern",
        min_length=1,
        max_length=MAX_GLOB_CHARS,
        description="Only files like this: *.ts, src/**/*.{ts,tsx}, !**/*.test.ts.",
    ),
]


class BadPattern(Refused):
    """The pattern cannot be searched for."""

    code = "bad_pattern"


def one_line(pattern: str) -> str:
    """The pattern. Raises: BadPattern: it holds a line break or a NUL."""
    if "\n" in pattern or "\r" in pattern:
        raise BadPattern(
            "The pattern holds a line break, but files are searched line by line. Search for one "
            "line of it, and use contextLines to see those around it."
        )
    if not is_storable(pattern):
        raise BadPattern("The pattern holds a NUL, which no text file has. Leave it out.")
    return pattern


def glob_or_none(text: str | None) -> Glob | None:
    """Raises: BadGlob."""
    return None if text is None else glob_of(text)
