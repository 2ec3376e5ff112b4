"""Findings that only say that a package is not installed, apart from those about the code."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import Refused
from tools.output import Diagnostic
from tools.place import Place
from tools.workspace.paths import ROOT, parent_of
from tools.workspace.port import RelPath

_NO_MODULE = {"2307", "2792", "7016", "2875"}
_NO_TYPES = {"2580", "2582", "2591", "2592", "2593", "2688"}
"""Of TypeScript: a name, or a library of types, that comes with a package of types."""
_NO_JSX = "7026"
_IMPLICIT_ANY = {"7006", "7031"}
_NO_IMPORT = {"unresolved-import", "import-not-found"}  # of ty

_QUOTED = re.compile(r"['\"`]([^'\"`\n]+)['\"`]")
_TYPES = re.compile(r"@types/[\w.-]+")
_PACKAGE = re.compile(r"(@[a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*", re.IGNORECASE)
_BUILT_IN = frozenset(
    {
        *(
            "assert",
            "async_hooks",
            "buffer",
            "child_process",
            "cluster",
            "console",
            "crypto",
            "dns",
        ),
        *("events", "fs", "http", "http2", "https", "module", "net", "os", "path", "perf_hooks"),
        *("process", "querystring", "readline", "stream", "string_decoder", "timers", "tls", "tty"),
        *("url", "util", "v8", "vm", "worker_threads", "zlib"),
    }
)
_DECLARING = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")


_DECLARED = (
    "Not installed: {names}. {count} more finding(s) say only that; they are no errors in the code."
)
_UNDECLARED = (
    "Not installed, and the project does not ask for it: {names} ({count} finding(s)). "
    "Add it to the project's dependencies, or mend the import."
)


@dataclass(frozen=True)
class Missing:
    """A package that is not installed, and how many findings say only that."""

    name: str
    count: int
    is_declared: bool
    """Whether the project asks for it."""


@dataclass(frozen=True)
class Sorted:
    """Findings about the code, and what is not installed."""

    findings: Sequence[Diagnostic]
    missing: Sequence[Missing]

    @property
    def note(self) -> str:
        """What is not installed, in words; "" if nothing is."""
        if not self.missing:
            return ""
        notes: list[str] = []
        for is_declared, words in ((True, _DECLARED), (False, _UNDECLARED)):
            missing = [each for each in self.missing if each.is_declared == is_declared]
            if missing:
                names = ", ".join(each.name for each in missing)
                notes.append(words.format(names=names, count=sum(each.count for each in missing)))
        note = "\n".join(notes)
        if any(each.code in _IMPLICIT_ANY for each in self.findings):
            note += " That something is implicitly 'any' may follow from it as well."
        return note


async def without_packages(findings: Sequence[Diagnostic], place: Place, root: Path) -> Sorted:
    """Set apart what only says that a package is not installed."""
    named = {each: _package_of(each) for each in findings}
    wanted = {(each.path, name) for each, name in named.items() if name is not None}
    if not wanted:
        return Sorted(findings, ())
    installed = await asyncio.to_thread(lambda: {each for each in wanted if _is_there(root, *each)})
    counts: dict[str, int] = {}
    kept: list[Diagnostic] = []
    paths: dict[str, RelPath] = {}
    for each, name in named.items():
        if name is None or (each.path, name) in installed:
            kept.append(each)
        else:
            counts[name] = counts.get(name, 0) + 1
            paths[name] = each.path
    if counts:  # JSX has no types then, and each element says so
        jsx = [each for each in kept if each.source == "ts" and each.code == _NO_JSX]
        if jsx and any(name in _JSX for name in counts):
            kept = [each for each in kept if each not in jsx]
            first = next(name for name in counts if name in _JSX)
            counts[first] += len(jsx)
    missing = [
        Missing(name, count, is_declared=await _is_declared(name, paths[name], place))
        for name, count in sorted(counts.items())
    ]
    return Sorted(kept, missing)


_JSX = {"react", "preact", "solid-js", "vue", "@types/react"}


def _package_of(found: Diagnostic) -> str | None:
    """The package whose absence is all that the finding says."""
    quoted = _QUOTED.search(found.message)
    if found.source == "ts" and found.code in _NO_TYPES:
        types = _TYPES.search(found.message)
        return types[0] if types else None
    if quoted is None:
        return None
    if found.source == "ts" and found.code in _NO_MODULE:
        return _npm_package(quoted[1])
    if found.code in _NO_IMPORT:
        return None if quoted[1].startswith(".") else quoted[1].partition(".")[0]
    return None


def _npm_package(specifier: str) -> str | None:
    """The package of an import; None where it names a file of the project."""
    if specifier.startswith("node:") or specifier in _BUILT_IN:
        return "@types/node"
    found = _PACKAGE.match(specifier)
    if found is None or specifier[found.end() : found.end() + 1] not in {"", "/"}:
        return None
    return found[0]


def _is_there(root: Path, path: RelPath, name: str) -> bool:
    """Whether the package is installed for a file, or a module of the project has the name."""
    if path.endswith((".py", ".pyi")):
        folders = (root, root / "src", (root / path).parent)
        return any((each / name).is_dir() or (each / f"{name}.py").is_file() for each in folders)
    folder = parent_of(path)
    while True:
        if (root / folder / "node_modules" / name).exists():
            return True
        if folder == ROOT:
            return False
        folder = parent_of(folder)


async def _is_declared(name: str, path: RelPath, place: Place) -> bool:
    """Whether a package.json, or a list of Python packages, around the file names it."""
    if path.endswith((".py", ".pyi")):
        spelt = re.escape(name).replace("_", "[-_]")
        pattern = re.compile(rf"(?<![\w-]){spelt}(?![\w-])", re.IGNORECASE)
        texts = [await _text(RelPath(each), place) for each in _PYTHON_LISTS]
        return any(pattern.search(text) for text in texts)
    folder = parent_of(path)
    types = name.removeprefix("@types/")
    while True:
        text = await _text(RelPath(f"{folder}/package.json" if folder else "package.json"), place)
        if {name, types} & _declared(text):
            return True
        if folder == ROOT:
            return False
        folder = parent_of(folder)


_PYTHON_LISTS = ("pyproject.toml", "requirements.txt", "requirements-dev.txt", "setup.cfg")


async def _text(path: RelPath, place: Place) -> str:
    try:
        return (await place.files.read(path)).decode(errors="replace")
    except Refused:
        return ""


def _declared(text: str) -> set[str]:
    try:
        package = json.loads(text)
    except (ValueError, RecursionError):
        return set()
    names: set[str] = set()
    if isinstance(package, dict):
        for section in _DECLARING:
            listed = package.get(section)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - anybody's JSON
            if isinstance(listed, dict):
                names.update(map(str, listed))  # pyright: ignore[reportUnknownArgumentType]
    return names
