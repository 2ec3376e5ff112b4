"""Which files seem to import a file: by the last word of what they import, kept by file times."""

import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from tools.lsp.positions import MAX_DOCUMENT_BYTES
from tools.lsp.watching import Look
from tools.workspace.port import RelPath
from tools.workspace.scan import Stamp

_SCRIPT = re.compile(rb"""(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*["']([^"'\n]+)["']""")
_PYTHON = re.compile(rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?import[ \t]+([\w., \t]+)", re.MULTILINE)
_ENTRIES = frozenset({"index", "__init__", "mod"})
"""Files that are imported by the name of their folder."""


class Importers:
    """What each file imports, as far as it has been read; a file is read again when it changes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[RelPath, tuple[Stamp, frozenset[str]]] = {}

    def of(self, look: Look, changed: Collection[RelPath]) -> list[RelPath]:
        """The files that seem to import one of the changed ones, nearest first. Blocks."""
        names = {_imported_as(path) for path in changed}
        self._known = {path: each for path, each in self._known.items() if path in look.files}
        found = [
            path
            for path, stamp in look.files.items()
            if path not in changed and names & self._imports(path, stamp)
        ]
        folders = {path.rpartition("/")[0] for path in changed}
        return sorted(found, key=lambda path: (path.rpartition("/")[0] not in folders, path))

    def _imports(self, path: RelPath, stamp: Stamp) -> frozenset[str]:
        known = self._known.get(path)
        if known is None or known[0] != stamp:
            known = self._known[path] = (stamp, self._read(path, stamp))
        return known[1]

    def _read(self, path: RelPath, stamp: Stamp) -> frozenset[str]:
        if path.endswith(".json") or stamp.size_bytes > MAX_DOCUMENT_BYTES:
            return frozenset()
        try:
            text = (self._root / path).read_bytes()
        except OSError:
            return frozenset()
        if path.endswith((".py", ".pyi")):
            words = b" ".join(b" ".join(each) for each in _PYTHON.findall(text))
            return frozenset(re.split(r"[^\w]+", words.decode(errors="replace")))
        return frozenset(
            PurePosixPath(each.decode(errors="replace")).name.partition(".")[0]
            for each in _SCRIPT.findall(text)
        )


def _imported_as(path: RelPath) -> str:
    file = PurePosixPath(path)
    name = file.name.partition(".")[0]
    return file.parent.name if name in _ENTRIES else name
