"""The product as a process of its own: `polaris dev`, and a scripted model."""

import json
import selectors
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START_S = 60.0  # on a machine that is busy with the rest of the suite
STOP_S = 20.0


class NotReady(Exception):
    """The command ended or said nothing; the text is its log."""


@dataclass
class Program:
    """A `polaris` command that has printed its ready line."""

    process: subprocess.Popen[bytes]
    log: Path
    ready: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def stop(self) -> int:
        """SIGTERM, and wait; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(STOP_S)
        self._close()
        return code

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_S)
        self._close()

    def _close(self) -> None:
        if self.process.stdout is not None:
            self.process.stdout.close()


def environment(**more: str) -> dict[str, str]:
    """Nothing of the developer's own keys and settings."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(ROOT), **more}


def start(command: list[str], *, folder: Path, env: Mapping[str, str]) -> Program:
    """Run `polaris COMMAND` in `folder` until it is ready. Raises: NotReady."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{command[0]}.log"
    with log.open("ab") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "app.main", *command],
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sink,
        )
    program = Program(process, log)
    line = _first_line(process)
    if not line:
        program.kill()
        raise NotReady(f"exit code {process.returncode}\n{log.read_text()[-4000:]}")
    program.ready = json.loads(line)
    return program


@contextmanager
def running(command: list[str], *, folder: Path, env: Mapping[str, str]) -> Generator[Program]:
    """As `start`; stopped on the way out."""
    program = start(command, folder=folder, env=env)
    try:
        yield program
    finally:
        program.stop()


@contextmanager
def disposable(command: list[str], *, folder: Path, env: Mapping[str, str]) -> Generator[Program]:
    """As `start`; killed on the way out, which takes no time from the last test of a session."""
    program = start(command, folder=folder, env=env)
    try:
        yield program
    finally:
        program.kill()


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline() if selector.select(START_S) else b""
