"""Dying at a commit: right before it, or right after it and before anything else is done."""

import os
import signal
import threading
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from tests.support.dbos.rows import RESULTS

WRITES = ("INSERT", "UPDATE", "DELETE")


class Commits:
    """Watches the commits of this process, and kills it at one of them when that is asked for.

    Boundary 0 is before the first commit, 1 right after it, 2 before the second, and so on.
    """

    def __init__(self) -> None:
        self._left: int | None = None
        self._from_end: int | None = None
        self._thread: int | None = None
        """The one whose commit is the first to count, while that is known."""
        event.listen(sa.Engine, "commit", self._on_commit)
        event.listen(sa.Engine, "before_cursor_execute", self._before_statement)
        event.listen(sa.Engine, "after_cursor_execute", self._after_statement)

    def die_at(self, boundary: int) -> None:
        """Die at this boundary, counted from now on."""
        self._left = boundary

    def die_at_end(self, boundary: int) -> None:
        """Die at this boundary, the next commit that ends a run being the first."""
        self._from_end = boundary

    def live(self) -> None:
        """Do not die after all."""
        self._left = self._from_end = self._thread = None

    def _on_commit(self, connection: sa.Connection) -> None:
        if self._dies_at(0):
            _die()
        if self._dies_at(1):
            driver: Any = connection.connection.dbapi_connection
            driver.commit()
            _die()
        self._has_committed()

    def _before_statement(
        self, connection: sa.Connection, _: Any, statement: str, *__: Any
    ) -> None:
        ends_a_run = "INSERT INTO" in statement and RESULTS in statement
        if self._from_end is not None and ends_a_run:
            self._thread = threading.get_ident()
            self._left, self._from_end = self._from_end, None
        if self._dies_at(0) and _commits_itself(connection, statement):
            _die()

    def _after_statement(self, connection: sa.Connection, _: Any, statement: str, *__: Any) -> None:
        if _commits_itself(connection, statement):
            if self._dies_at(1):
                _die()
            self._has_committed()

    def _dies_at(self, boundary: int) -> bool:
        return self._left == boundary and self._thread in {None, threading.get_ident()}

    def _has_committed(self) -> None:
        if self._left is not None and self._thread in {None, threading.get_ident()}:
            self._left -= 2
            self._thread = None


def _commits_itself(connection: sa.Connection, statement: str) -> bool:
    driver: Any = connection.connection.dbapi_connection
    autocommits = getattr(driver, "autocommit", False) is True  # psycopg's
    return autocommits and any(word in statement for word in WRITES)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
