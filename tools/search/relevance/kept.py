"""What was read of files, kept on disk by the hash of their content: a start need not read again.

A cache: a spoilt file is thrown away.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tools.search.relevance.facts import VERSION, Facts

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID"
)


class Kept:
    """The facts of one project. Its methods raise nothing: without it all is read anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None
        try:
            self._database = self._opened()
        except sqlite3.DatabaseError:
            for suffix in ("", "-wal", "-shm"):
                with suppress(OSError):
                    Path(f"{path}{suffix}").unlink(missing_ok=True)
            with suppress(sqlite3.DatabaseError):
                self._database = self._opened()

    def _opened(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=OFF")
        if database.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            database.execute("DROP TABLE IF EXISTS facts")
            database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute(_SCHEMA)
        return database

    def get(self, key: str) -> Facts | None:
        """What was kept."""
        if self._database is None:
            return None
        try:
            rows = self._database.execute("SELECT data FROM facts WHERE key = ?", (key,))
            row = rows.fetchone()
            return None if row is None else Facts.load(row[0])
        except (sqlite3.DatabaseError, ValueError, TypeError):
            return None

    def put(self, key: str, facts: Facts) -> None:
        """Keep it, from the next `save` on."""
        if self._database is not None:
            with suppress(sqlite3.DatabaseError):
                self._database.execute(
                    "INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, facts.dump())
                )

    def save(self, used: Iterable[str]) -> None:
        """Write what was put, and forget what no file has any more."""
        if self._database is None:
            return
        with suppress(sqlite3.DatabaseError):
            there = {row[0] for row in self._database.execute("SELECT key FROM facts")}
            gone = there.difference(used)
            self._database.executemany("DELETE FROM facts WHERE key = ?", [(key,) for key in gone])
            self._database.commit()

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            with suppress(sqlite3.DatabaseError):
                self._database.close()
