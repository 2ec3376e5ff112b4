"""Trees of files as values: on a disk, in a store; and what a command may do to one."""

import os
import random
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from core.ids import OwnerId, ProjectId
from store import Store

Kind = Literal["folder", "regular", "executable", "symlink"]
Tree = Mapping[str, tuple[Kind, bytes]]
"""By path, what stands there, with the bytes of a file or the target of a link."""

CONTENTS = (
    b"",
    b"one line\n",
    b"no last line end",
    b"\xef\xbb\xbfwith a byte order mark\r\n",
    b"windows\r\nlines\r\n",
    b"mixed\r\nlines\n\r",
    b"caf\xe9 in Latin-1\n",
    "中文 and 🎉\n".encode(),
    "wide".encode("utf-16"),
    bytes(range(256)),
    b"\0",
    b"#!/bin/sh\necho hello\n",
    b"long line " * 3_000,
    b"x" * 300_000,  # more than is kept as text
)
NAMES = (
    "a",
    "b.ts",
    "c d.txt",
    "é.md",
    "中文.txt",
    ".hidden",
    "run.sh",
    "README",
    "x.min.js",
    "-r",
)
FOLDERS = ("src", "lib", "deep down", "ü", ".config")
TARGETS = ("gone", "gone/deeper", "./gone", "gone/")


def on_disk(root: Path) -> Tree:
    """What is below a folder, without what stays on the disk where it was made."""
    tree: dict[str, tuple[Kind, bytes]] = {}
    pending = [""]
    while pending:
        folder = pending.pop()
        for name in os.listdir(os.fsencode(root / folder)):  # noqa: PTH208 - any bytes
            path = os.path.join(os.fsencode(folder), name)  # noqa: PTH118 - as above
            if path in STAYS:
                continue
            status = os.lstat(os.path.join(os.fsencode(root), path))  # noqa: PTH118
            if stat.S_ISDIR(status.st_mode):
                tree[path.decode()] = ("folder", b"")
                pending.append(path.decode())
            elif stat.S_ISLNK(status.st_mode):
                target = os.readlink(os.path.join(os.fsencode(root), path))  # noqa: PTH115, PTH118
                tree[path.decode()] = ("symlink", target)
            else:
                kind: Kind = "executable" if status.st_mode & stat.S_IXUSR else "regular"
                tree[path.decode()] = (kind, (root / path.decode()).read_bytes())
    return tree


async def in_store(store: Store, owner: OwnerId, project_id: ProjectId) -> Tree:
    """What a project has."""
    entries = [entry async for entry in store.files.walk(project_id, owner=owner)]
    tree: dict[str, tuple[Kind, bytes]] = {
        entry.path: ("folder", b"") for entry in entries if entry.kind == "folder"
    }
    paths = [entry.path for entry in entries if entry.kind == "file"]
    for content in await store.files.read_many(project_id, paths, owner=owner):
        tree[content.entry.path] = (content.entry.mode or "regular", content.data)
    return tree


STAYS = {b"node_modules", b".git", b"caf\xe9", b"out", b"a:b", b"up"}


def leave_what_stays(root: Path) -> None:
    """What no project can keep, or none shall: it stays on the disk."""
    for folder in ("node_modules", ".git"):
        (root / folder / "m").mkdir(parents=True)
        (root / folder / "m" / "i.js").write_bytes(b"1")
    Path(os.fsdecode(os.path.join(os.fsencode(root), b"caf\xe9"))).write_bytes(b"1")  # noqa: PTH118
    (root / "a:b").write_bytes(b"1")
    (root / "out").symlink_to("/etc/hosts")
    (root / "up").symlink_to("..")


def stays(root: Path) -> bool:
    """Whether it is all there."""
    here = set(os.listdir(os.fsencode(root)))  # noqa: PTH208
    return here >= STAYS and (root / "node_modules" / "m" / "i.js").read_bytes() == b"1"


def change(root: Path, chance: random.Random, count: int) -> None:
    """What a command may do to the files, `count` times."""
    for _ in range(count):
        with suppress(OSError):  # such as a folder that would move into itself
            chance.choice(CHANGES)(root, chance)


def _new(root: Path, chance: random.Random) -> Path:
    """A place where perhaps something stands."""
    folders = [path for path, (kind, _) in on_disk(root).items() if kind == "folder"]
    folder = root / chance.choice(["", *sorted(folders)])
    if chance.random() < 0.3:
        folder /= chance.choice(FOLDERS)
        folder.mkdir(exist_ok=True)
    return folder / chance.choice(NAMES)


def _old(root: Path, chance: random.Random, *kinds: Kind) -> Path:
    found = [path for path, (kind, _) in on_disk(root).items() if not kinds or kind in kinds]
    return root / chance.choice(sorted(found) or ["nothing"])


def _write(root: Path, chance: random.Random) -> None:
    _new(root, chance).write_bytes(chance.choice(CONTENTS))  # through a link, where one stands


def _replace(root: Path, chance: random.Random) -> None:
    path = _new(root, chance)
    path.unlink(missing_ok=True)
    path.write_bytes(chance.choice(CONTENTS))


def _append(root: Path, chance: random.Random) -> None:
    with _old(root, chance, "regular", "executable").open("ab") as file:
        file.write(b"more")


def _chmod(root: Path, chance: random.Random) -> None:
    path = _old(root, chance, "regular", "executable")
    path.chmod(chance.choice((0o644, 0o755, 0o600, 0o700)))


def _link(root: Path, chance: random.Random) -> None:
    path = _new(root, chance)
    there = os.path.relpath(_old(root, chance), path.parent)
    path.unlink(missing_ok=True)
    path.symlink_to(chance.choice((there, there, *TARGETS)))


def _remove(root: Path, chance: random.Random) -> None:
    path = _old(root, chance)
    if path.is_dir() and not path.is_symlink():
        for each in sorted(path.rglob("*"), key=lambda each: len(each.parts), reverse=True):
            each.rmdir() if each.is_dir() and not each.is_symlink() else each.unlink()
        path.rmdir()
    else:
        path.unlink()


def _move(root: Path, chance: random.Random) -> None:
    source, target = _old(root, chance), _new(root, chance)
    if source.is_symlink():  # elsewhere it might lead out
        target = source.with_name(target.name)
    if not os.path.lexists(target):
        source.rename(target)


def _folder(root: Path, chance: random.Random) -> None:
    (_new(root, chance).parent / chance.choice(FOLDERS)).mkdir()


def _swap(root: Path, chance: random.Random) -> None:
    """Something else stands where something stood."""
    path = _old(root, chance)
    _remove_at(path)
    chance.choice((path.mkdir, lambda: path.write_bytes(b"now a file"), lambda: _lead(path)))()


def _lead(path: Path) -> None:
    path.symlink_to("README")


def _remove_at(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()


CHANGES: tuple[Callable[[Path, random.Random], None], ...] = (
    _write,
    _write,
    _replace,
    _append,
    _chmod,
    _link,
    _remove,
    _move,
    _folder,
    _swap,
)
