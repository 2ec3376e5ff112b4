"""Which file of the project an import means: by its path, else by the end of its path."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from tools.search.relevance.facts import suffix_of

_MOST_ALIKE = 3  # files that one import may mean
_INDEX_NAMES = ("/index", "/__init__", "/mod", "/src/index")


class Modules:
    """The files of a project by what imports may call them."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._exact: dict[str, str] = {}
        self._ends: dict[str, list[str]] = {}
        for path in paths:
            bare = path.removesuffix(suffix_of(path))
            for name in _names(bare):
                self._exact.setdefault(name, path)
                parts = name.split("/")
                for start in range(max(0, len(parts) - 6), len(parts)):
                    self._ends.setdefault("/".join(parts[start:]), []).append(path)
            self._exact.setdefault(path, path)

    def meant(self, importer: str, written: str) -> list[str]:
        """The files that an import in a file may mean; mostly one or none."""
        folder = posixpath.dirname(importer)
        if suffix_of(importer) in {".py", ".pyi"}:
            return self._python(folder, written)
        if written.startswith("."):
            target = posixpath.normpath(posixpath.join(folder, written))
            return self._at(target) or self._at(target.removesuffix(suffix_of(target)))
        written = re.sub(r"::|\.(?=[A-Za-z_*])" if "/" not in written else r"::", "/", written)
        written = written.removesuffix(suffix_of(written)) if "/" in written else written
        return self._ending(written.lstrip("@~/"))

    def _python(self, folder: str, written: str) -> list[str]:
        dots = len(written) - len(written.lstrip("."))
        target = written.lstrip(".").replace(".", "/")
        if not dots:
            return self._ending(target) if target else []
        for _ in range(dots - 1):
            folder = posixpath.dirname(folder)
        return self._at(f"{folder}/{target}".strip("/"))

    def _at(self, target: str) -> list[str]:
        found = self._exact.get(target)
        return [found] if found else []

    def _ending(self, target: str) -> list[str]:
        found = self._exact.get(target)
        if found:
            return [found]
        ends = self._ends.get(target, []) if "/" in target else []
        return ends if len(ends) <= _MOST_ALIKE else []


def _names(bare: str) -> Iterator[str]:
    yield bare
    for index in _INDEX_NAMES:
        if bare.endswith(index):
            yield bare.removesuffix(index)
    if "/src/" in bare:
        yield bare.replace("/src/", "/", 1)


class ImportGraph:
    """Which files import which; only what has changed is looked up again."""

    def __init__(self) -> None:
        self._written: dict[str, Sequence[str]] = {}
        self._modules: Modules | None = None
        self._stale: set[str] = set()
        self.imported: dict[str, set[str]] = {}
        """By file, those that it imports."""
        self.importing: dict[str, set[str]] = {}
        """By file, those that import it."""

    def put(self, path: str, written: Sequence[str]) -> None:
        """What a file imports."""
        if path not in self._written:
            self._modules = None
        elif list(self._written[path]) == list(written):
            return
        self._written[path] = written
        self._stale.add(path)

    def drop(self, path: str) -> None:
        """A file is gone."""
        if self._written.pop(path, None) is not None:
            self._modules = None

    def refresh(self) -> None:
        """Make `imported` and `importing` true again."""
        if self._modules is None:
            self._modules = Modules(self._written)
            self._stale = set(self._written)
            self.imported, self.importing = {}, {}
        for path in self._stale:
            for target in self.imported.pop(path, ()):
                self.importing[target].discard(path)
            targets = {
                target
                for one in self._written[path]
                for target in self._modules.meant(path, one)
                if target != path
            }
            self.imported[path] = targets
            for target in targets:
                self.importing.setdefault(target, set()).add(path)
        self._stale = set()
