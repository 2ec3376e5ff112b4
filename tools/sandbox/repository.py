"""The `.git` of a project's folder: always there, so that nobody inside can put another there."""

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.sandbox.port import NoSandbox
from tools.workspace.ignored import GENERATED_LINES

GIT = ".git"
PROTECTED = ("config", "hooks")
"""What of it is read-only inside: both name programs that git runs."""

_FOLDERS = ("hooks", "objects", "refs", "info")
_FILES = {
    "config": b"[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tlogallrefupdates = true\n",
    "HEAD": b"ref: refs/heads/main\n",
}
_EXCLUDE = "".join(f"{rule}\n" for rule in GENERATED_LINES).encode()
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def prepare(folder: Path) -> None:
    """Make an empty repository, unless there is one.

    Inside, `.git` and what is protected of it are mounts and cannot be moved or replaced. So what
    is checked here still holds when the mounts are made.

    Raises:
        NoSandbox: something else than git's folders and files stands in their place.
    """
    with _opened(folder) as root:
        _make_folder(root, GIT)
        with _opened(GIT, root) as git:
            for name in _FOLDERS:
                _make_folder(git, name)
            for name, text in _FILES.items():
                _make_file(git, name, text)
            with _opened("info", git) as info:
                _make_file(info, "exclude", _EXCLUDE)


@contextmanager
def _opened(path: str | Path, parent: int | None = None) -> Generator[int]:
    descriptor = os.open(path, _OPEN, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _make_folder(parent: int, name: str) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=parent)
    if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        raise _in_the_way(name)


def _make_file(parent: int, name: str, text: bytes) -> None:
    try:
        file = os.open(name, _CREATE, 0o644, dir_fd=parent)
    except FileExistsError:
        if not stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise _in_the_way(name) from None
        return
    try:
        os.write(file, text)
    finally:
        os.close(file)


def _in_the_way(name: str) -> NoSandbox:
    return NoSandbox(
        f"Nothing was run: {name!r} in the project is not what git has there (a link, or a file "
        "where a folder has to be). Tell the user that it must be removed."
    )
