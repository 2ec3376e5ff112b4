"""The index of one project's folder, made to follow it before each question."""

import hashlib
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tools.search.relevance.facts import MAX_BYTES, facts_of, suffix_of
from tools.search.relevance.history import MAX_COMMITS, Commit
from tools.search.relevance.index import Index, Ranked
from tools.search.relevance.kept import Kept

READ_S = 12.0  # of new files before a question; the rest is read before the next
GIT_S = 5.0
RECENT_S = 86_400.0

_GIT = [
    "git",
    "--no-replace-objects",
    *("-c", "core.fsmonitor=false"),
    *("-c", "log.showSignature=false"),
    *("-c", "protocol.allow=never"),
    "log",
    f"-{MAX_COMMITS}",
    "--first-parent",
    "-m",
    "--name-only",
    "--no-renames",
    "--no-show-signature",
    "--no-ext-diff",
    "--no-textconv",
    "-z",
    "--format=%x01%s%x02",
]
_GIT_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_CEILING_DIRECTORIES": "/",
}
"""The project's own configuration may not run a program nor fetch anything."""


class ProjectIndex:
    """One folder. Its facts are kept in a file beside it, never in it."""

    def __init__(self, folder: Path, kept: Path) -> None:
        self._folder = folder
        self._kept_path = kept
        self._kept = Kept(kept)
        self._index = Index()
        self._stamps: dict[str, tuple[int, int, int]] = {}
        self._keys: dict[str, str] = {}
        self._changed: dict[str, float] = {}
        self._head: object = None
        self._is_built = False

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return self._index.size

    def close(self) -> None:
        """Let go of the file."""
        self._kept.close()

    def follow(self, paths: Sequence[str]) -> int:
        """Read what is new or has changed; how many files are still to be read."""
        wanted = set(paths)
        for path in [path for path in self._stamps if path not in wanted]:
            self._index.drop(path)
            self._changed.pop(path, None)
            del self._stamps[path]
            self._keys.pop(path, None)
        until = time.monotonic() + READ_S
        stale = [path for path in paths if self._stamp(path) != self._stamps.get(path)]
        left = 0
        for number, path in enumerate(stale):
            if time.monotonic() > until:
                left = len(stale) - number
                break
            self._read(path)
        if stale:
            if self._index.is_worn:
                self._rebuild()
            self._kept.save(self._keys.values())
        self._is_built = self._is_built or not left
        self._follow_history()
        return left

    def rank(
        self, query: str, *, current: str | None, limit: int, edited: Sequence[str]
    ) -> list[Ranked]:
        """See `Index.rank`; `edited` are files that this run has to do with."""
        now = time.monotonic()
        recent = {
            path: 1 - (now - at) / RECENT_S
            for path, at in self._changed.items()
            if now - at < RECENT_S
        }
        recent |= dict.fromkeys(edited, 1.0)
        return self._index.rank(query, current=current, limit=limit, recent=recent)

    def _stamp(self, path: str) -> tuple[int, int, int] | None:
        try:
            status = os.stat(f"{self._folder}/{path}", follow_symlinks=False)  # noqa: PTH116 - half the time
        except (OSError, ValueError):
            return None
        return status.st_size, status.st_mtime_ns, status.st_ino

    def _read(self, path: str) -> None:
        try:
            file = os.open(self._folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(file, "rb") as opened:  # noqa: PTH123 - a descriptor
                status = os.fstat(file)
                data = opened.read(MAX_BYTES)
        except (OSError, ValueError):
            self._index.drop(path)
            return
        key = f"{hashlib.sha256(data).hexdigest()}{suffix_of(path)}"
        if self._keys.get(path) != key:
            facts = self._kept.get(key)
            if facts is None:
                facts = facts_of(path, data)
                self._kept.put(key, facts)
            self._index.put(path, facts)
            if self._is_built:
                self._changed[path] = time.monotonic()
        self._keys[path] = key
        self._stamps[path] = (status.st_size, status.st_mtime_ns, status.st_ino)

    def _rebuild(self) -> None:
        """A new index of the same files, without what they were before."""
        fresh = Index()
        for path, key in self._keys.items():
            facts = self._kept.get(key)
            if facts is not None:
                fresh.put(path, facts)
        fresh.history = self._index.history
        self._index = fresh

    def _follow_history(self) -> None:
        """Of a repository in the folder, when it has moved."""
        git = self._folder / ".git"
        try:
            if git.is_symlink() or not git.is_dir():
                return
            log = git / "logs" / "HEAD"
            head = (log if log.is_file() else git / "HEAD").stat().st_mtime_ns
        except OSError:
            return
        if head == self._head:
            return
        self._head = head
        try:
            done = subprocess.run(  # noqa: S603 - whichever git there is, told what not to do
                _GIT,
                cwd=self._folder,
                env={**_GIT_ENVIRONMENT, "GIT_DIR": str(git)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=GIT_S,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return
        self._index.history.clear()
        self._index.history.add(commits_in(done.stdout.decode(errors="replace")))


def commits_in(text: str) -> list[Commit]:
    """What `git log` with the options above has printed, old ones first."""
    found: list[Commit] = []
    for block in reversed(text.split("\x01")[1:]):
        subject, _, rest = block.partition("\x02")
        paths = [path.strip("\n") for path in rest.split("\0")]
        found.append(Commit(subject[:500], [path for path in paths if path]))
    return found
