"""Where in a data folder something stands, once the product has let go of it."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path


def live_rows(database: Path) -> bytes:
    """All that a database holds, without what it has freed."""
    copy = database.with_suffix(".live")
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM INTO ?", [str(copy)])
    try:
        return copy.read_bytes()
    finally:
        copy.unlink()


def traces(data: Path, words: Sequence[str]) -> list[str]:
    """Where in the data folder one of the words stands: in rows, in files, in names."""
    found: list[str] = []
    for path in sorted(data.rglob("*")):
        if path.suffix in {".sqlite-wal", ".sqlite-shm"} or not path.is_file():
            continue
        content = live_rows(path) if path.suffix == ".sqlite" else path.read_bytes()
        found += [
            f"{word} in {path.relative_to(data)}"
            for word in words
            if word.encode() in content or word in str(path.relative_to(data))
        ]
    return found
