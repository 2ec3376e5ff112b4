"""Lines of files that were shown before: a file that did not change is not read again."""

from collections import OrderedDict

from tools.lsp.positions import Lines
from tools.lsp.watching import Look
from tools.workspace.port import RelPath
from tools.workspace.scan import Stamp

MAX_CHARS = 8 * 1024 * 1024  # of all of them


class KnownLines:
    """Those of one folder, the ones used last; None for a file that is no text."""

    def __init__(self) -> None:
        self._kept: OrderedDict[RelPath, tuple[Stamp, Lines | None]] = OrderedDict()
        self._chars = 0

    def get(self, path: RelPath, seen: Look) -> tuple[Lines | None] | None:
        """The lines of the file as it was seen now, if they are known."""
        stamp = seen.settled(path)
        kept = self._kept.get(path)
        if stamp is None or kept is None or kept[0] != stamp:
            return None
        self._kept.move_to_end(path)
        return (kept[1],)

    def put(self, path: RelPath, seen: Look, lines: Lines | None) -> None:
        """It was read after that look."""
        self._drop(path)
        stamp = seen.settled(path)
        if stamp is None:
            return
        self._kept[path] = (stamp, lines)
        self._chars += _chars(lines)
        while self._chars > MAX_CHARS:
            self._drop(next(iter(self._kept)))

    def _drop(self, path: RelPath) -> None:
        kept = self._kept.pop(path, None)
        if kept is not None:
            self._chars -= _chars(kept[1])


def _chars(lines: Lines | None) -> int:
    return 100 + (0 if lines is None else len(lines.text))
