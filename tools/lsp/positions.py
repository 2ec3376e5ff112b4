"""Places in texts and files: as the model counts them, as servers do, and back."""

import re
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from tools.lsp.wire import Position, Range
from tools.workspace.paths import confine
from tools.workspace.port import BadPath, RelPath

MAX_DOCUMENT_BYTES = 2 * 1024 * 1024  # of a file that a server is asked about

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Lines:
    """A text by lines, as the protocol divides it."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    """Where each line ends, without its line end."""

    @classmethod
    def of(cls, text: str) -> "Lines":
        """The lines of a text; one that is empty has one."""
        if "\r" not in text:  # most: a third of the time
            after = [*accumulate(len(line) + 1 for line in text.split("\n"))]
            return cls(text, (0, *after[:-1]), tuple(end - 1 for end in after))
        breaks = [match.span() for match in _LINE_END.finditer(text)]
        return cls(
            text,
            (0, *(end for _, end in breaks)),
            (*(start for start, _ in breaks), len(text)),
        )

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, number: int) -> str:
        """A line, counted from 0; "" beyond the last."""
        if number >= len(self.starts):
            return ""
        return self.text[self.starts[number] : self.ends[number]]

    def position(self, line: int, column: int) -> Position:
        """Of a column in characters, both counted from 0."""
        before = self.line(line)[:column]
        return Position(line=line, character=column + sum(char > "\uffff" for char in before))

    def column(self, position: Position) -> int:
        """In characters, counted from 0."""
        line = self.line(position.line)
        if line.isascii():
            return min(position.character, len(line))
        units = line.encode("utf-16-le", "surrogatepass")[: 2 * position.character]
        return len(units.decode("utf-16-le", "replace"))

    def offset(self, position: Position) -> int:
        """Where in the text."""
        if position.line >= len(self.starts):
            return len(self.text)
        return self.starts[position.line] + self.column(position)

    def part(self, span: Range) -> str:
        """The text of a range."""
        return self.text[self.offset(span.start) : self.offset(span.end)]


def uri_of(root: Path, path: RelPath) -> str:
    """The URI of a file below `root`, which is absolute."""
    return (root / path).as_uri()


def path_of(root: Path, uri: str) -> RelPath | None:
    """The file that a server names, however it has quoted it; None outside of the project."""
    try:
        parts = urlsplit(uri)
        path = unquote_to_bytes(parts.path).decode()
        if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
            return None
        if not path.startswith(f"{root}/"):
            return None
        return confine(path.removeprefix(f"{root}/"))
    except (ValueError, BadPath):
        return None
