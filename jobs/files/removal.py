"""Removing folders so that none is ever half there: out of the way first, in one step."""

import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.workspace.paths import TEMPORARY_PREFIX

PREFIX = ".removed-"
"""How folders are called that are being removed; a crash may leave one behind."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def set_aside(folder: Path) -> Path | None:
    """Give a folder a name under which nobody looks for it; None where there is none.

    It is one rename, quick enough for the loop.
    """
    aside = folder.with_name(PREFIX + secrets.token_hex(8))
    try:
        folder.rename(aside)
    except FileNotFoundError:
        return None
    return aside


def left_behind(root: Path) -> list[Path]:
    """What was set aside in a folder and is still there."""
    with suppress(FileNotFoundError):
        return [path for path in root.iterdir() if path.name.startswith(PREFIX)]
    return []


def remove(aside: Path) -> None:
    """Remove what was set aside, however deep it is and whatever its modes. Blocks.

    Each folder in it is moved to the top before it is emptied: so no path gets long, and none
    needs a recursion. What cannot be removed now is tried again with the next sweep.
    """
    with suppress(OSError):
        aside.chmod(0o700)
        with _opened(aside) as top:
            pending = _emptied(top, top)
            while pending:
                name = pending.pop()
                with suppress(OSError):
                    with _opened(name, top) as folder:
                        pending += _emptied(folder, top)
                    os.rmdir(name, dir_fd=top)
        aside.rmdir()


def remove_unfinished(root: Path) -> None:
    """Remove the files below `root` whose writer has died. Blocks: a look at every folder."""
    pending = [root]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as found:
            for item in found:
                if item.is_dir(follow_symlinks=False):
                    pending.append(Path(item.path))
                elif item.name.startswith(TEMPORARY_PREFIX):
                    Path(item.path).unlink(missing_ok=True)


def size_of(folder: Path) -> int:
    """The bytes that a folder takes on its disk, as far as it can be looked into. Blocks."""
    size_bytes = 0
    pending = [folder]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as found:
            for item in found:
                with suppress(FileNotFoundError):
                    size_bytes += item.stat(follow_symlinks=False).st_blocks * 512
                    if item.is_dir(follow_symlinks=False):
                        pending.append(Path(item.path))
    return size_bytes


def _emptied(folder: int, top: int) -> list[str]:
    """Remove the files of a folder and move its folders to the top; their names there."""
    moved: list[str] = []
    with os.scandir(folder) as found:
        names = [item.name for item in found]
    for name in names:
        with suppress(OSError):
            if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=folder)
                continue
            os.chmod(name, 0o700, dir_fd=folder)  # a folder that is closed can neither move nor go
            here = secrets.token_hex(12)
            os.rename(name, here, src_dir_fd=folder, dst_dir_fd=top)
            moved.append(here)
    return moved


@contextmanager
def _opened(path: Path | str, parent: int | None = None) -> Generator[int]:
    folder = os.open(path, _FOLDER, dir_fd=parent)
    try:
        yield folder
    finally:
        os.close(folder)
