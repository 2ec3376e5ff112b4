"""Doors into sandboxes: how somebody outside reaches what listens inside, and never the reverse."""

import asyncio
import socket
from contextlib import suppress
from itertools import count
from pathlib import Path

from core.errors import Conflict

CONNECT_S = 15.0
BACKLOG = 64


class NothingListens(Conflict):
    """No process of the project listens on that port."""

    code = "nothing_listens"

    def __init__(self, port: int) -> None:
        super().__init__(
            f"Nothing in this project listens on port {port}, as far as it runs here and was "
            "started by startProcess or in a terminal. Start the server, then try again."
        )


class Door:
    """A socket on which a relay inside listens. Nobody inside sees its file: it is handed in open.

    So what is connected to is the relay, or nothing: inside, nothing can be put in its place.
    """

    def __init__(self, path: Path, folder: Path, doors: "Doors") -> None:
        self.folder = folder
        self.path = path
        self._doors = doors
        self._listener: socket.socket | None = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(BACKLOG)

    @property
    def descriptor(self) -> int:
        """What is handed in, under the same number."""
        assert self._listener is not None  # noqa: S101 - see `handed_in`
        return self._listener.fileno()

    def handed_in(self) -> None:
        """The process inside has it now."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def close(self) -> None:
        """The process has ended."""
        self.handed_in()
        self.path.unlink(missing_ok=True)
        self._doors.forget(self)


class Doors:
    """Those of the running processes, by the folder of their project.

    Args:
        root: a folder that no sandbox sees, with a short path.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = count()
        self._open: dict[Path, list[Door]] = {}

    def open(self, folder: Path) -> Door:
        """A door to a process that is about to start."""
        door = Door(self._root / f"door-{next(self._numbers)}", folder, self)
        self._open.setdefault(folder, []).append(door)
        return door

    def forget(self, door: Door) -> None:
        """It is closed."""
        doors = self._open.get(door.folder, [])
        if door in doors:
            doors.remove(door)
        if not doors:
            self._open.pop(door.folder, None)

    async def connect(
        self, folder: Path, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to what listens there; the newest process first. Raises: NothingListens."""
        for door in reversed(self._open.get(folder, [])):
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with asyncio.timeout(CONNECT_S):
                    found = await self._connect(door, port)
                if found is not None:
                    return found
        raise NothingListens(port)

    @staticmethod
    async def _connect(
        door: Door, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        reader, writer = await asyncio.open_unix_connection(door.path)
        is_connected = False
        try:
            writer.write(port.to_bytes(2, "big"))
            is_connected = await reader.readexactly(1) == b"\1"
        finally:
            if not is_connected:
                writer.close()
        return (reader, writer) if is_connected else None
