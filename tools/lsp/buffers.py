"""What people's editors have open: the text of whoever wrote last, a person or the disk."""

from collections import deque
from collections.abc import Collection

from tools.text import sha256_of
from tools.workspace.port import RelPath

MAX_REMEMBERED = 200  # texts of one document, by their hashes


class Buffers:
    """The documents that editors of one project have open; all of its sessions show them.

    Editors send whole texts, so the last one to come is the newest. What the disk gets after that,
    from the agent or from somebody who saves, is newer still, unless it is what an editor has had
    before: then a person has saved, and may have typed on since.
    """

    def __init__(self) -> None:
        self.version = 0
        """Counts on with each change."""
        self._texts: dict[RelPath, str] = {}
        self._by_editor: dict[RelPath, set[int]] = {}
        self._had: dict[RelPath, deque[str]] = {}

    @property
    def paths(self) -> Collection[RelPath]:
        """The open documents."""
        return self._texts.keys()

    def text(self, path: RelPath) -> str | None:
        """The newest text of a document; None for one that no editor has open."""
        return self._texts.get(path)

    def put(self, editor: int, path: RelPath, text: str) -> None:
        """An editor has opened a document, or changed it."""
        self._by_editor.setdefault(path, set()).add(editor)
        self._had.setdefault(path, deque(maxlen=MAX_REMEMBERED)).append(_hash(text))
        self._texts[path] = text
        self.version += 1

    def close(self, editor: int, path: RelPath) -> None:
        """An editor has closed a document; with the last one it is as the disk has it."""
        editors = self._by_editor.get(path, set())
        editors.discard(editor)
        if not editors:
            for known in (self._by_editor, self._had, self._texts):
                known.pop(path, None)
        self.version += 1

    def arrived(self, path: RelPath, text: str) -> None:
        """The disk has another text than before."""
        if path in self._texts and _hash(text) not in self._had[path]:
            self._texts[path] = text
            self.version += 1


def _hash(text: str) -> str:
    return sha256_of(text.encode(errors="surrogatepass"))
