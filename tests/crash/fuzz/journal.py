"""What steps did, in a file outside the engine that outlives every process."""

import json
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

What = Literal["begin", "end", "recorded", "stopped", "continued", "back", "cancel acknowledged"]


@dataclass(frozen=True)
class Line:
    """One thing that happened. Monotonic seconds are the same clock in every process."""

    at: float
    who: str
    what: What
    run: str = ""
    step: str = ""
    attempt: int = 0
    key: str = ""


class Journal:
    """Appends lines, each in one write: the kernel keeps them in order, and past a `kill -9`.

    With `dies_at` n, writing line n kills this process: an even n before the write, an odd after.
    """

    def __init__(self, path: Path, who: str, dies_at: int = 0) -> None:
        self.path = path
        self._who = who
        self._dies_at = dies_at
        self._written = 0
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(
        self, what: What, run: str = "", step: str = "", *, attempt: int = 0, key: str = ""
    ) -> None:
        """Append a line."""
        self._written += 1
        dies = self._written == self._dies_at
        if dies and self._dies_at % 2 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        line = Line(monotonic(), self._who, what, run, step, attempt, key)
        os.write(self._file, json.dumps(asdict(line)).encode() + b"\n")
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)

    def lines(self) -> list[Line]:
        """All lines, in the order in which they were written."""
        return [Line(**json.loads(line)) for line in self.path.read_bytes().splitlines()]
