"""Writing recordings to a folder: bounded, and never in the way of the run that is recorded."""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from jobs.recording.lines import Full, Line, json_of

log = logging.getLogger(__name__)

MIB = 1024 * 1024
RECORDING_BYTES = 64 * MIB  # of one run; then it ends with a line that says so
FOLDER_BYTES = 1024 * MIB  # of all; then the oldest ones go
FLUSH_CHARS = 64 * 1024  # that a process may lose when it dies in the middle of a response
SUFFIX = ".jsonl"


def path_of(folder: Path, run_id: str) -> Path:
    """Where the recording of a run is."""
    return folder / f"{quote(run_id, safe='')}{SUFFIX}"


class Tape:
    """The recording of one run by one process.

    `add` keeps a line in memory, `flush` writes what there is. Where that fails, the log says so
    once and nothing more is recorded.
    """

    def __init__(
        self,
        path: Path,
        *,
        secrets: Sequence[str] = (),
        limit_bytes: int = RECORDING_BYTES,
        folder_bytes: int = FOLDER_BYTES,
    ) -> None:
        self._path = path
        self._secrets = tuple(secrets)
        self._limit_bytes = limit_bytes
        self._folder_bytes = folder_bytes
        self._lines: list[Line | Callable[[], Line]] = []
        self._chars = 0
        self._written: int | None = None
        self._is_over = False
        self._writing = asyncio.Lock()

    def add(self, line: Line | Callable[[], Line], *, chars: int = 0) -> None:
        """Keep a line, or what makes it, to be written; `chars`: about how long it is."""
        if not self._is_over:
            self._lines.append(line)
            self._chars += chars

    async def flush_some(self) -> None:
        """Write what there is if that is much."""
        if self._chars >= FLUSH_CHARS:
            await self.flush()

    async def flush(self) -> None:
        """Write what there is. A cancel that comes meanwhile loses none of it."""
        async with self._writing:
            lines, self._lines, self._chars = self._lines, [], 0
            if not lines or self._is_over:
                return
            try:
                await asyncio.shield(asyncio.to_thread(self._write, lines))
            except Exception:  # a rim: whatever is wrong with a recording, the run goes on
                self._is_over = True
                log.exception("recording_failed", extra={"file": self._path.name})

    def _write(self, lines: Sequence[Line | Callable[[], Line]]) -> None:
        if self._written is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._written = self._path.stat().st_size if self._path.exists() else 0
            _make_room(self._path, self._folder_bytes)
        with self._path.open("ab") as file:
            for line in lines:
                data = _data(line() if callable(line) else line, self._secrets)
                if self._written + len(data) > self._limit_bytes:
                    self._is_over = True
                    file.write(_data(Full(self._limit_bytes), ()))
                    log.warning("recording_full", extra={"file": self._path.name})
                    return
                self._written += file.write(data)


def _data(line: Line, secrets: Sequence[str]) -> bytes:
    """With a line end before it, too: a process may have died in the middle of the last one."""
    text = json.dumps(json_of(line, secrets), ensure_ascii=False, separators=(",", ":"))
    return b"\n%s\n" % text.encode(errors="replace")


def _make_room(new: Path, limit_bytes: int) -> None:
    """Remove the oldest recordings beside this one, down to the limit."""
    found = [(each, each.stat()) for each in new.parent.glob(f"*{SUFFIX}") if each != new]
    size = sum(about.st_size for _, about in found)
    for path, about in sorted(found, key=lambda each: each[1].st_mtime):
        if size <= limit_bytes:
            return
        path.unlink(missing_ok=True)
        size -= about.st_size
