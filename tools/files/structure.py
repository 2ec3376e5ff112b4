"""getProjectStructure: the project as a tree that fits into a prompt."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from core.errors import Refused
from tools.arguments import Arguments
from tools.files.look import EMPTY_PROJECT, label_of
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.tool import Tool
from tools.workspace.ignored import MAX_RULES_BYTES, RULES_FILE, Rules
from tools.workspace.paths import ROOT, name_of, parent_of
from tools.workspace.port import Entry, RelPath

MAX_CHARS = 10_000  # about 2,500 tokens
MAX_IN_FOLDER = 100  # folders of one, and files: so that a large one does not hide the others
MAX_RULES_FILES = 200  # that are read


class GetProjectStructure(Arguments):
    """getProjectStructure takes no arguments."""


@dataclass
class Folder:
    """A folder of the tree. Of one that is left out only `count`, its files, is known."""

    path: RelPath
    depth: int
    folders: list["Folder"] = field(default_factory=list["Folder"])
    files: list[str] = field(default_factory=list[str])
    count: int = 0
    ignored: int = 0  # files directly in it
    is_left_out: bool = False
    shown_folders: int = 0
    shown_files: int = 0

    @property
    def is_open(self) -> bool:
        """Whether anything in it is shown."""
        return self.shown_folders + self.shown_files > 0

    @property
    def is_whole(self) -> bool:
        """Whether all that is directly in it is shown."""
        return self.shown_folders == len(self.folders) and self.shown_files == len(self.files)


async def get_project_structure(_: GetProjectStructure, place: Place) -> ToolOutput:
    """Folders and files, indented; what is generated or ignored is counted, as is what is cut."""
    entries = await place.files.walk()
    if not entries:
        return ToolOutput(text=EMPTY_PROJECT)
    rules = await _rules(entries, place)
    return ToolOutput(text=await asyncio.to_thread(_tree, entries, rules))


async def _rules(entries: list[Entry], place: Place) -> dict[RelPath, str]:
    """The text of each .gitignore, by its folder."""
    found: dict[RelPath, str] = {}
    for entry in entries:
        if entry.kind == "file" and name_of(entry.path) == RULES_FILE:
            if len(found) >= MAX_RULES_FILES:
                break
            if Rules().ignores(parent_of(entry.path), is_folder=True) and parent_of(entry.path):
                continue
            try:
                data = await place.files.read(entry.path)
            except Refused:  # gone, or closed to us
                continue
            found[parent_of(entry.path)] = data[:MAX_RULES_BYTES].decode(errors="replace")
    return found


def _tree(entries: list[Entry], rules: dict[RelPath, str]) -> str:
    root, ignored = _read_in(entries, rules)
    is_cut = _choose(root)
    lines: list[str] = []
    _write(root, lines)
    if ignored:
        names = (
            "1 file that .gitignore names is"
            if ignored == 1
            else (f"{ignored:,} files that .gitignore names are")
        )
        lines.append(f"[{names} not listed.]")
    if is_cut:
        lines.append("[The tree is cut to fit. See what is in a single folder with listFiles.]")
    return "\n".join(lines)


def _read_in(entries: list[Entry], texts: dict[RelPath, str]) -> tuple[Folder, int]:
    """The tree, and how many files were ignored without their folder."""
    root = Folder(ROOT, -1)
    folders: dict[RelPath, Folder] = {ROOT: root}
    rules: dict[RelPath, Rules] = {ROOT: _with(Rules(), ROOT, texts)}
    ignored = 0
    for entry in entries:  # sorted by path, so a folder comes before what is in it
        above = folders.get(parent_of(entry.path))
        if above is None:
            continue
        if above.is_left_out:
            if entry.kind == "folder":
                folders[entry.path] = above  # counted where it is left out
            else:
                above.count += 1
            continue
        is_folder = entry.kind == "folder"
        is_ignored = rules[above.path].ignores(entry.path, is_folder=is_folder)
        if is_folder:
            folder = Folder(entry.path, above.depth + 1, is_left_out=is_ignored)
            folders[entry.path] = folder
            above.folders.append(folder)
            rules[entry.path] = _with(rules[above.path], entry.path, texts)
        elif is_ignored:
            ignored += 1
            above.ignored += 1
        else:
            above.files.append(label_of(entry))
    for folder in reversed([folder for path, folder in folders.items() if folder.path == path]):
        if not folder.is_left_out:
            below = sum(inner.count for inner in folder.folders if not inner.is_left_out)
            folder.count = len(folder.files) + below
    return root, ignored


def _with(rules: Rules, folder: RelPath, texts: dict[RelPath, str]) -> Rules:
    return rules.within(folder, texts[folder]) if folder in texts else rules


def _choose(root: Folder) -> bool:
    """Open folders, those nearest to the root first, while there is room; whether some are not."""
    left = MAX_CHARS
    pending = deque([root])
    is_cut = False
    while pending and left > 0:
        folder = pending.popleft()
        if folder is not root:  # its line is shorter once it is open
            left += len(_closed(folder)) - len(name_of(folder.path)) - 1
        indent = 2 * (folder.depth + 1) + 1
        for inner in folder.folders[:MAX_IN_FOLDER]:
            left -= indent + len(_closed(inner))
            if left <= 0:
                break
            folder.shown_folders += 1
            if not inner.is_left_out:
                pending.append(inner)
        for name in folder.files[:MAX_IN_FOLDER] if left > 0 else ():
            left -= indent + len(name)
            if left <= 0:
                break
            folder.shown_files += 1
        is_cut = is_cut or not folder.is_whole
    return is_cut or bool(pending)


def _write(folder: Folder, lines: list[str]) -> None:
    indent = "  " * (folder.depth + 1)
    for inner in folder.folders[: folder.shown_folders]:
        if inner.is_open:
            lines.append(f"{indent}{name_of(inner.path)}/")
            _write(inner, lines)
        else:
            lines.append(f"{indent}{_closed(inner)}")
    lines += [f"{indent}{name}" for name in folder.files[: folder.shown_files]]
    if (folder.is_open or folder.depth < 0) and not folder.is_whole:
        more_folders = len(folder.folders) - folder.shown_folders
        more_files = len(folder.files) - folder.shown_files
        kinds = [(more_folders, "more folder"), (more_files, "more file")]
        more = ", ".join(_count(count, kind) for count, kind in kinds if count)
        lines.append(f"{indent}[{more}]")


def _closed(folder: Folder) -> str:
    """The line of a folder in which nothing is shown."""
    name = name_of(folder.path)
    if not folder.count and not folder.folders and not folder.is_left_out:
        return f"{name}/ ({'only ignored files' if folder.ignored else 'empty'})"
    return f"{name}/ ({_count(folder.count, 'file')}, not listed)"


def _count(count: int, kind: str) -> str:
    return f"{count:,} {kind}" if count == 1 else f"{count:,} {kind}s"


GET_PROJECT_STRUCTURE = Tool(
    name="getProjectStructure",
    description="Show the project as a tree of files. Start here if you do not know it.",
    arguments=GetProjectStructure,
    touches=lambda _: Touches(reads=frozenset({ROOT})),
    run=get_project_structure,
)
