"""What a project's folder held when it was last as the store has it: by what a change shows."""

import sqlite3
from collections.abc import Container, Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.workspace.paths import ancestors_of
from tools.workspace.port import DiskFull, RelPath
from tools.workspace.scan import Stamp

_SCHEMA = """
CREATE TABLE IF NOT EXISTS known (
    path TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    mode TEXT NOT NULL
) WITHOUT ROWID
"""
_PUT = "INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?, ?, ?)"
_FOLDER = """
INSERT INTO known VALUES (?, '', 0, 0, 0, '')
ON CONFLICT (path) DO UPDATE SET sha256 = '', size_bytes = 0, mtime_ns = 0, inode = 0, mode = ''
WHERE sha256 <> ''
"""
_BELOW = "path = :path OR substr(path, 1, length(:path) + 1) = :path || '/'"
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_WHOLE = 2  # 1 marked a whole table `entry`, which had no modes
_PRIMARY = 0xFF  # of a result code, less what says it in more detail


@dataclass(frozen=True)
class Known:
    """A file or link as the store has it; `sha256` is "" for a folder."""

    sha256: str
    stamp: Stamp

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return not self.sha256


class FolderIndex:
    """A file of rows beside the folder; each method is one transaction. Call it from a thread.

    It is a cache: a spoilt one is empty, and the folder is compared with the store anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_whole(self) -> bool:
        """Whether everything that the store has was noted once; if not, the folder is unknown."""
        if not self._path.exists():
            return False
        with self._open() as database:
            return database.execute("PRAGMA user_version").fetchone()[0] == _WHOLE

    def mark_whole(self) -> None:
        """Everything has been noted."""
        with self._open() as database:
            database.execute("DROP TABLE IF EXISTS entry")
            database.execute(f"PRAGMA user_version = {_WHOLE}")

    def all(self) -> dict[RelPath, Known]:
        """Everything, by path."""
        with self._open() as database:
            rows = database.execute(
                "SELECT path, sha256, size_bytes, mtime_ns, inode, mode FROM known"
            )
            return {RelPath(row[0]): Known(row[1], Stamp(*row[2:])) for row in rows}

    def note(self, files: Iterable[tuple[RelPath, Known]]) -> None:
        """These are as the store has them; the folders they stand in are there, too."""
        with self._open() as database:
            for path, known in files:
                stamp = known.stamp
                row = (stamp.size_bytes, stamp.mtime_ns, stamp.inode, stamp.mode)
                database.execute(_PUT, (path, known.sha256, *row))
                database.executemany(_FOLDER, [(folder,) for folder in ancestors_of(path)])

    def note_folders(self, paths: Iterable[RelPath]) -> None:
        """The folders are there, with those they stand in."""
        with self._open() as database:
            for path in paths:
                database.executemany(_FOLDER, [(each,) for each in (*ancestors_of(path), path)])

    def forget_others(self, paths: Container[RelPath]) -> None:
        """The store has none but these."""
        others = [(path,) for path in self.all() if path not in paths]
        if others:
            with self._open() as database:
                database.executemany("DELETE FROM known WHERE path = ?", others)

    def forget(self, path: RelPath) -> None:
        """It is gone, with all that was in it."""
        with self._open() as database:
            database.execute(f"DELETE FROM known WHERE {_BELOW}", {"path": path})  # noqa: S608

    def move(self, source: RelPath, target: RelPath) -> None:
        """It stands elsewhere, with all that is in it."""
        self.forget(target)
        with self._open() as database:
            database.execute(
                "UPDATE known SET path = :target || substr(path, length(:path) + 1) "  # noqa: S608
                f"WHERE {_BELOW}",
                {"path": source, "target": target},
            )
            database.executemany(_FOLDER, [(folder,) for folder in ancestors_of(target)])

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        try:
            with closing(self._connect()) as database, database:
                yield database
        except sqlite3.DatabaseError as error:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
            if error.sqlite_errorcode & _PRIMARY in _NO_ROOM:
                raise DiskFull(RelPath(self._path.name)) from error
            raise

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute(_SCHEMA)
        return database
