"""A terminal of the kernel, as an event loop reads and writes it."""

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

CHUNK_BYTES = 64 * 1024
SHARE_S = 0.1
SHARE_BYTES = 1024 * 1024  # read in that time; who prints faster waits, as at any terminal
MAX_CELLS = 1_000  # of a line, and lines
TAKES_S = 5.0  # so long may a program leave its input unread


class NotTaken(Exception):
    """The program reads no input; the rest of it was dropped."""


class Pty:
    """Both ends of a terminal.

    Args:
        on_output: gets what is printed, from the event loop.
    """

    def __init__(self, on_output: Callable[[bytes], None]) -> None:
        self._on_output = on_output
        # Ours of the program's end stays open, so that nothing is lost before it opens its own.
        self._master, self._slave = os.openpty()
        os.set_blocking(self._master, False)
        self.path = Path(os.ttyname(self._slave))
        """What a program opens."""
        self._share_bytes = SHARE_BYTES
        self._is_held = False
        self._is_reading = False
        self._is_closed = False
        self._refill: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()
        self._follow()

    def resize(self, columns: int, rows: int) -> None:
        """The window has so many cells; between 1 and `MAX_CELLS`."""
        if not (1 <= columns <= MAX_CELLS and 1 <= rows <= MAX_CELLS):
            raise ValueError(f"a terminal has 1 to {MAX_CELLS} columns and rows")
        size = struct.pack("HHHH", rows, columns, 0, 0)
        if not self._is_closed:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    async def write(self, data: bytes) -> None:
        """Type these bytes; waits while the program reads nothing. Raises: NotTaken."""
        async with self._writing:
            left = memoryview(data)
            while left and not self._is_closed:
                try:
                    left = left[os.write(self._master, left) :]
                except BlockingIOError:
                    await self._until_writable()
                except OSError:  # nobody is there any more
                    return

    def hold(self) -> None:
        """Read no more for now: whoever prints waits."""
        self._is_held = True
        self._follow()

    def go_on(self) -> None:
        """Read again."""
        self._is_held = False
        self._follow()

    def close(self) -> None:
        """Read what is there, then let go of it."""
        if self._is_closed:
            return
        with suppress(OSError):
            for _ in range(SHARE_BYTES // CHUNK_BYTES):
                if not (data := os.read(self._master, CHUNK_BYTES)):
                    break
                self._on_output(data)
        self._is_closed = True
        self._follow()
        if self._refill is not None:
            self._refill.cancel()
        os.close(self._master)
        os.close(self._slave)

    async def _until_writable(self) -> None:
        loop = asyncio.get_running_loop()
        writable = asyncio.Event()
        loop.add_writer(self._master, writable.set)
        try:
            async with asyncio.timeout(TAKES_S):
                await writable.wait()
        except TimeoutError:
            raise NotTaken from None
        finally:
            if not self._is_closed:
                loop.remove_writer(self._master)

    def _follow(self) -> None:
        """Read, or do not, as things stand."""
        wants = not self._is_held and not self._is_closed and self._share_bytes > 0
        if wants == self._is_reading:
            return
        self._is_reading = wants
        loop = asyncio.get_running_loop()
        if wants:
            loop.add_reader(self._master, self._read)
        else:
            loop.remove_reader(self._master)

    def _read(self) -> None:
        try:
            data = os.read(self._master, CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:  # hung up: nothing comes any more
            data = b""
        if not data:
            self.hold()
            return
        self._share_bytes -= len(data)
        if self._refill is None:
            self._refill = asyncio.get_running_loop().call_later(SHARE_S, self._share_again)
        self._on_output(data)
        self._follow()

    def _share_again(self) -> None:
        self._refill = None
        self._share_bytes = SHARE_BYTES
        self._follow()
