"""A person's shell: a terminal in the sandbox, what it showed last, and who looks at it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from tools.sandbox.port import LASTING, Confined
from tools.sandbox.pty import MAX_CELLS, NotTaken, Pty
from tools.sandbox.registries import ALL, Registries
from tools.sandbox.running import Ending, Limits, Receipt, Running
from tools.sandbox.sandbox import Sandbox

__all__ = ["MAX_CELLS", "NotTaken", "Shell", "View", "ViewEnd"]

SCROLLBACK_BYTES = 256 * 1024
BEHIND_BYTES = 128 * 1024  # a view that is further behind holds the program
PIECE_BYTES = 32 * 1024
LIFETIME_S = 12 * 3600.0
BOUNDS = replace(LASTING, tasks=500)

_BASH = Path("/bin/bash")
_SHELL = (str(_BASH), "--norc", "--noprofile") if _BASH.exists() else ("/bin/sh",)
_UNLIKE_A_PERSON = (
    *("CI", "NO_COLOR", "PAGER", "GIT_PAGER", "EDITOR", "GIT_EDITOR"),
    *("GIT_TERMINAL_PROMPT", "PIP_NO_INPUT"),
)
_PROMPT = r"${PWD/#$PROJECT/\~} \$ "


class ViewEnd(StrEnum):
    """Why a view shows no more."""

    EXITED = "exited"
    TAKEN_OVER = "taken_over"  # another view of the same shell was opened
    CLOSED = "closed"


class View:
    """One look at a shell, from its scrollback on; a shell has one view at a time."""

    def __init__(self, shell: "Shell") -> None:
        self._shell = shell
        self.position = shell.position - len(shell.scrollback)
        self.changed = asyncio.Event()
        self.changed.set()
        self.end: ViewEnd | None = None

    def close(self, end: ViewEnd) -> None:
        """Show no more."""
        if self.end is None:
            self.end = end
        self.changed.set()

    async def pieces(self) -> AsyncGenerator[bytes]:
        """What the terminal shows, as it comes; up to the end of the view.

        Whoever takes no piece holds the program, once it is `BEHIND_BYTES` further.
        """
        while True:
            await self.changed.wait()
            if self.end in {ViewEnd.TAKEN_OVER, ViewEnd.CLOSED}:
                return
            data, self.position = self._shell.since(self.position)
            if data:
                self._shell.flow()
                yield data
            elif self.end is not None:
                return
            else:
                self.changed.clear()


class Shell:
    """An interactive shell in the sandbox.

    Args:
        on_activity: is told of input and output.
    """

    def __init__(self, on_activity: Callable[[], None]) -> None:
        self.scrollback = bytearray()
        self.position = 0
        """How many bytes it has shown in all."""
        self.used_at = time.monotonic()
        """When something was typed or printed, or a view closed."""
        self.receipt: Receipt | None = None
        self._on_activity = on_activity
        self._view: View | None = None
        self._pty = Pty(self._take)
        self._running: Running | None = None

    async def start(self, sandbox: Sandbox, folder: Path, *, registries: Registries = ALL) -> None:
        """Start it in a project's folder; `finish` must follow, or `abandon` where this raises.

        Raises:
            NoSandbox: this machine has none.
            OSError: it cannot be started.
        """
        unset = (part for name in _UNLIKE_A_PERSON for part in ("-u", name))
        confined = Confined(
            ("/usr/bin/env", *unset, *_SHELL, "-i"),
            folder,
            network=sandbox.reaches(registries),
            registries=registries,
            env={
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "PS1": _PROMPT,
                "PROJECT": str(folder),
            },
            bounds=BOUNDS,
        )
        limits = Limits(timeout_s=LIFETIME_S)
        self._running = await sandbox.start(
            confined, limits, terminal=self._pty.path, is_reachable=True
        )

    def abandon(self) -> None:
        """It was not started, and will not be."""
        self._pty.close()

    async def finish(self) -> None:
        """Wait for its end; then nothing of it lives, and its views have ended."""
        assert self._running is not None  # noqa: S101 - see `start`
        try:
            self.receipt = await self._running.finish()
        finally:
            self._pty.close()
            if self._view is not None:
                self._view.close(ViewEnd.EXITED)

    def stop(self) -> None:
        """Make `finish` end it."""
        if self._running is not None:
            self._running.stop()

    @property
    def ended_by(self) -> Ending | None:
        """How it ended; None while it runs."""
        return None if self.receipt is None else self.receipt.ending

    @property
    def is_viewed(self) -> bool:
        """Whether somebody looks at it."""
        return self._view is not None

    async def write(self, data: bytes) -> None:
        """Type these bytes. Raises: NotTaken."""
        self._used()
        await self._pty.write(data)

    def resize(self, columns: int, rows: int) -> None:
        """See `Pty.resize`. Raises: ValueError."""
        self._pty.resize(columns, rows)

    def say(self, text: str) -> None:
        """Show a line of ours."""
        self._take(f"\r\n\x1b[2m[{text}]\x1b[0m\r\n".encode())

    @contextmanager
    def viewed(self) -> Generator[View]:
        """A view of it; one that was open before ends."""
        if self._view is not None:
            self._view.close(ViewEnd.TAKEN_OVER)
        view = self._view = View(self)
        if self.receipt is not None:
            view.close(ViewEnd.EXITED)
        try:
            yield view
        finally:
            self.used_at = time.monotonic()
            if self._view is view:
                self._view = None
                self.flow()

    def close_view(self) -> None:
        """Whoever looks sees no more; the shell goes on."""
        if self._view is not None:
            self._view.close(ViewEnd.CLOSED)

    def since(self, position: int) -> tuple[bytes, int]:
        """What was shown from there on, or from where the scrollback begins; and its end."""
        skipped = max(0, position - (self.position - len(self.scrollback)))
        data = bytes(self.scrollback[skipped : skipped + PIECE_BYTES])
        return data, self.position - len(self.scrollback) + skipped + len(data)

    def flow(self) -> None:
        """Hold the program, or let it go on, as the view demands."""
        view = self._view
        if view is not None and self.position - view.position > BEHIND_BYTES:
            self._pty.hold()
        else:
            self._pty.go_on()

    def _take(self, data: bytes) -> None:
        self._used()
        self.scrollback += data
        self.position += len(data)
        del self.scrollback[: max(0, len(self.scrollback) - SCROLLBACK_BYTES)]
        if self._view is not None:
            self._view.changed.set()
            self.flow()

    def _used(self) -> None:
        self.used_at = time.monotonic()
        self._on_activity()
