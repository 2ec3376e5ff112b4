"""How many bytes of the built page a browser loads, by what Vite's manifest says."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DIST = Path(__file__).parents[2] / "web" / "dist"
PROJECT = ("index.html", "src/project-page.tsx")  # with its chat
RUNS = "src/dashboard.tsx"
LANGUAGE_SERVERS = "src/files/language-servers.ts"
EDITOR = (
    "src/editor/editor.tsx",
    "../node_modules/@codemirror/lang-javascript/dist/index.js",
)


def files_of(entries: Iterable[str]) -> frozenset[str]:
    """The files of these entries, and of all that they import at once."""
    chunks: dict[str, Any] = json.loads((DIST / ".vite" / "manifest.json").read_text())
    seen, left = set[str](), list(entries)
    while left:
        key = left.pop()
        if key not in seen:
            seen.add(key)
            left += chunks[key].get("imports", ())
    return frozenset(
        name for key in seen for name in (chunks[key]["file"], *chunks[key].get("css", ()))
    )


def gzip_kb(files: Iterable[str]) -> float:
    """What they weigh as they are sent."""
    return sum((DIST / f"{name}.gz").stat().st_size for name in files) / 1000


def first_load_kb() -> float:
    """All that a project with its chat needs."""
    return gzip_kb(files_of(PROJECT))


def editor_kb() -> float:
    """What the first file that is opened loads beside it, with one language."""
    return gzip_kb(files_of(EDITOR) - files_of(PROJECT))


def language_servers_kb() -> float:
    """What the first file with a language server loads beside its editor."""
    return gzip_kb(files_of((LANGUAGE_SERVERS,)) - files_of(PROJECT) - files_of(EDITOR))


def runs_kb() -> float:
    """What the list of runs and a run load beside what is there for a project."""
    return gzip_kb(files_of((RUNS,)) - files_of(PROJECT))
