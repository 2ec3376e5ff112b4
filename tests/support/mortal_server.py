"""A PostgreSQL of a test's own, which the test may take away in the middle."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.ids import new_id
from engine import PostgresDatabase
from tests.support.databases import RAM, PostgresServer, get_server

GONE_S = 10.0


class MortalServer:
    """A PostgreSQL that keeps what it has committed (commits wait for its log, as they should)."""

    name = "postgres"

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def fresh(self) -> PostgresDatabase:
        """An empty database."""
        name = new_id("engine")
        self._server.psql(f'CREATE DATABASE "{name}";')
        return PostgresDatabase(self._server.get_uri(name))

    def crash(self) -> None:
        """Stop it the hard way, as a power cut does: no connection is told, nothing is tidied."""
        pid = self._server.get_pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)  # PostgreSQL's "immediate"
        give_up_at = time.monotonic() + GONE_S
        while (self._server.pgdata / "postmaster.pid").exists():
            assert time.monotonic() < give_up_at, "the server has not gone"
            time.sleep(0.01)

    def start(self) -> None:
        """Start it again, at the same address."""
        self._server.ensure_postgres_running()

    def restart(self, after_s: float = 0.0) -> None:
        """Crash it, and start it again after a while."""
        self.crash()
        time.sleep(after_s)
        self.start()


@contextmanager
def mortal_server() -> Generator[MortalServer]:
    """A server of its own."""
    ram = RAM if RAM.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="engine-outage-", dir=ram) as folder:
        server = get_server(Path(folder) / "data")
        mortal = MortalServer(server)
        try:
            yield mortal
        finally:
            with suppress(subprocess.SubprocessError):
                server.ensure_postgres_running()
            server.cleanup()
