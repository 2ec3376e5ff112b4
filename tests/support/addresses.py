"""Databases as the tests' own processes are told of them; they start often, so it is light."""

from pathlib import Path

from engine import Database, PostgresDatabase, SqliteDatabase


def database_of(address: str) -> Database:
    """A PostgreSQL address, or the path of a SQLite file."""
    return PostgresDatabase(address) if "://" in address else SqliteDatabase(Path(address))
