"""One confined tree of processes from its start to its end, with a receipt of how that came."""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.clock import Clock
from tools.sandbox.cgroup import TaskGroup
from tools.sandbox.doors import Door
from tools.sandbox.networks import Visit
from tools.sandbox.port import MIB, Bounds, Confinement, Wrapped
from tools.sandbox.scripts import LEFT, waiting
from tools.sandbox.tree import Usage, death, descendants_of, first_child, kill, names_of, usage_of

log = logging.getLogger(__name__)

DEAD_S = 10.0  # the kernel needs milliseconds; a machine that needs longer is broken
CLOSED_S = 1.0  # pipes of dead processes need no time
FIRST_LOOK_S = 0.01
LOOK_S = 0.05  # what outgrows its bounds between two looks has 50 ms to do so
LOOK_SHARE = 20  # looking takes a twentieth of the time at most
MAX_NOTES_BYTES = 64 * 1024
MAX_NAMES = 20
NOTHING = Usage()


class Ending(StrEnum):
    """How a tree came to its end."""

    EXITED = "exited"
    TIMEOUT = "timeout"
    OUTPUT = "output"
    MEMORY = "memory"
    TASKS = "tasks"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Limits:
    """What one run may take: time, and bytes of output."""

    timeout_s: float = 120.0
    output_bytes: int = 4 * MIB


@dataclass(frozen=True)
class Receipt:
    """How a tree ended.

    `code` is what the program exited with, as shells say it (128 and more for a signal); None if
    it was ended by us. `ended` names processes that did not end by themselves, at most 20.
    """

    ending: Ending
    code: int | None
    took_s: float
    at: datetime
    ended: tuple[str, ...] = ()
    usage: Usage = NOTHING
    trouble: str = ""


class Running:
    """A tree that was started. Whoever starts it awaits `finish`, which leaves nothing alive.

    Args:
        on_output: gets the output, standard output and errors in the order of their writing.
        group: what bounds the number of tasks; closed at the end.
        door: how it is reached from outside; closed at the end.
        visit: its share in the network of its project; closed at the end.
    """

    def __init__(  # noqa: PLR0913 - what one run is made of
        self,
        confinement: Confinement,
        bounds: Bounds,
        limits: Limits,
        *,
        on_output: Callable[[bytes], None],
        clock: Clock,
        group: TaskGroup | None = None,
        door: Door | None = None,
        visit: Visit | None = None,
    ) -> None:
        self._group = group
        self._door = door
        self._visit = visit
        self._confinement = confinement
        self._bounds = bounds
        self._limits = limits
        self._clock = clock
        self._began_s = clock.monotonic()
        self._pipes = _Pipes(on_output, limits.output_bytes)
        self._outer = _Held()
        self._keeper = _Held()
        self._dying: list[int] = []
        self._ended: tuple[str, ...] = ()
        self._highest = Usage()

    async def start(self, wrapped: Wrapped) -> None:
        """Start the tree. Raises: OSError."""
        # A cancel waits for these milliseconds: asyncio loses pipes of a process half started.
        starting = asyncio.get_running_loop().create_task(self._start(wrapped))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await starting
            await self._end(is_by_itself=False)
            raise

    async def _start(self, wrapped: Wrapped) -> None:
        members = self._group.members if self._group is not None else None
        transport, _ = await asyncio.get_running_loop().subprocess_exec(
            lambda: self._pipes,
            *waiting(members, wrapped.argv, wrapped.terminal),
            env=wrapped.env,
            start_new_session=True,
            pass_fds=() if self._door is None else (self._door.descriptor,),
        )
        if self._door is not None:
            self._door.handed_in()
        # It waits for this line: else it could be over before it is held, its number another's.
        self._outer.hold(transport.get_pid())
        gate = transport.get_pipe_transport(0)
        assert isinstance(gate, asyncio.WriteTransport)  # noqa: S101 - what asyncio gives
        gate.write(b"\n")
        gate.close()

    def stop(self) -> None:
        """Make `finish` end it."""
        self._pipes.exceed(Ending.STOPPED)

    async def finish(self) -> Receipt:
        """Wait until it has ended, or end it when it passes a bound; then nothing of it lives."""
        ending = Ending.STOPPED
        try:
            ending = await self._watch()
        finally:
            await self._end(is_by_itself=ending is Ending.EXITED)
        took_s = self._clock.monotonic() - self._began_s
        code = self._pipes.transport.get_returncode() if ending is Ending.EXITED else None
        ended, trouble = self._pipes.notes()
        return Receipt(
            ending,
            code,
            took_s,
            self._clock.now(),
            (*ended, *self._ended)[:MAX_NAMES],
            self._highest,
            trouble,
        )

    async def _watch(self) -> Ending:
        await self._find_keeper()
        pause_s = FIRST_LOOK_S
        while True:
            left_s = self._limits.timeout_s - (self._clock.monotonic() - self._began_s)
            if left_s <= 0:
                return Ending.TIMEOUT
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause_s, left_s)):
                    await self._pipes.changed.wait()
            if self._pipes.exceeded is not None:
                return self._pipes.exceeded
            if self._pipes.lost.is_set():
                return Ending.EXITED
            before_s = self._clock.monotonic()
            if (passed := await self._look()) is not None:
                return passed
            took_s = self._clock.monotonic() - before_s
            pause_s = max(LOOK_S, took_s * LOOK_SHARE)

    async def _find_keeper(self) -> None:
        outer = self._outer
        pid = await asyncio.to_thread(first_child, outer.pid, outer.descriptor)
        if pid is not None:
            with suppress(ProcessLookupError):  # it is dead
                self._keeper.hold(pid)

    async def _look(self) -> Ending | None:
        if self._keeper.descriptor < 0:
            return None
        bounds = self._bounds
        now = await asyncio.to_thread(usage_of, self._keeper.pid, at_most=bounds.tasks)
        self._highest = Usage(
            max(now.tasks, self._highest.tasks),
            max(now.memory_bytes, self._highest.memory_bytes),
        )
        if now.tasks >= bounds.tasks:
            return Ending.TASKS
        return Ending.MEMORY if now.memory_bytes > bounds.memory_bytes else None

    async def _end(self, *, is_by_itself: bool) -> None:
        """Kill what lives, and wait until it is dead: short, so that a cancel may wait for it."""
        try:
            if not is_by_itself:
                self._kill()  # here, for milliseconds: a thread could outlive a second cancel
            async with asyncio.timeout(DEAD_S):
                await self._pipes.exited.wait()
                for last in (self._keeper.descriptor, *self._dying):
                    if last >= 0:
                        await death(last)
        except TimeoutError:
            log.exception("processes_left", extra={"pid": self._outer.pid})
        finally:
            self._pipes.transport.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSED_S):
                    await self._pipes.lost.wait()
            for made in (self._group, self._door, self._visit):
                if made is not None:
                    made.close()
            self._let_go()

    def _kill(self) -> None:
        below = self._keeper if self._keeper.descriptor >= 0 else self._outer
        found = descendants_of(below.pid, at_most=self._bounds.tasks)
        self._ended = names_of(found[:MAX_NAMES])
        self._dying += self._confinement.kill(self._outer.pid, self._outer.descriptor)

    def _let_go(self) -> None:
        kill(self._outer.descriptor)  # it is dead, unless a second cancel came
        self._outer.let_go()
        self._keeper.let_go()
        while self._dying:
            os.close(self._dying.pop())


class _Held:
    """A process that is meant, even when it has ended and another has its number."""

    def __init__(self) -> None:
        self.pid = -1
        self.descriptor = -1

    def hold(self, pid: int) -> None:
        self.descriptor = os.pidfd_open(pid)
        self.pid = pid

    def let_go(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class _Pipes(asyncio.SubprocessProtocol):
    """Standard output is what the program says; standard error what was said about it."""

    transport: asyncio.SubprocessTransport

    def __init__(self, on_output: Callable[[bytes], None], output_bytes: int) -> None:
        self.changed = asyncio.Event()
        self.exited = asyncio.Event()
        self.lost = asyncio.Event()
        self.exceeded: Ending | None = None
        self._on_output = on_output
        self._left_bytes = output_bytes
        self._notes = b""

    def notes(self) -> tuple[tuple[str, ...], str]:
        """The names of what outlived the program, and other remarks."""
        lines = self._notes.decode(errors="replace").splitlines()
        names = tuple(line.removeprefix(LEFT) for line in lines if line.startswith(LEFT))
        return names, "\n".join(line for line in lines if not line.startswith(LEFT))

    def exceed(self, ending: Ending) -> None:
        if self.exceeded is None:
            self.exceeded = ending
            self.changed.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - what asyncio gives
        self.transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd != 1:
            self._notes = (self._notes + data)[:MAX_NOTES_BYTES]
            return
        taken = data[: self._left_bytes]
        self._left_bytes -= len(taken)
        if taken:
            self._on_output(taken)
        if len(taken) < len(data):
            self.exceed(Ending.OUTPUT)

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """It has ended, and all that it printed was read."""
        self.lost.set()
        self.changed.set()
