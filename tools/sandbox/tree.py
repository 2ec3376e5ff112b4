"""The processes below one, as /proc shows them: which there are, what they use, when they end."""

import asyncio
import os
import select
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_GONE = (FileNotFoundError, ProcessLookupError, NotADirectoryError)
_APPEARS_S = 2.0
_POLL_S = 0.001


@dataclass(frozen=True)
class Usage:
    """What a tree uses: how many tasks, and how many bytes of memory of their own."""

    tasks: int = 0
    memory_bytes: int = 0


def children_of(pid: int) -> list[int]:
    """The processes that its threads have started, or that were handed to it."""
    return [child for thread in _threads_of(pid) for child in _children_of(pid, thread)]


def descendants_of(pid: int, *, at_most: int) -> list[int]:
    """All below a process, without itself; it stops looking beyond `at_most`."""
    found: list[int] = []
    pending = [pid]
    while pending and len(found) <= at_most:
        children = children_of(pending.pop())
        found += children
        pending += children
    return found


def usage_of(pid: int, *, at_most: int) -> Usage:
    """What all below a process use together; beyond `at_most` tasks it is not all counted."""
    tasks = memory_bytes = 0
    pending = children_of(pid)
    while pending and tasks <= at_most:
        process = pending.pop()
        threads = _threads_of(process)
        tasks += len(threads)
        memory_bytes += _own_memory(process)
        for thread in threads:
            pending += _children_of(process, thread)
    return Usage(tasks, memory_bytes)


def names_of(pids: list[int]) -> tuple[str, ...]:
    """What those are called that are still there."""
    names: list[str] = []
    for pid in pids:
        with suppress(*_GONE):
            names.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return tuple(names)


def first_child(pid: int, pidfd: int) -> int | None:
    """The first process that it starts, once it has; None when it ends without. Blocks briefly."""
    deadline = time.monotonic() + _APPEARS_S
    while time.monotonic() < deadline:
        if children := children_of(pid):
            return children[0]
        if is_dead(pidfd):
            return None
        time.sleep(_POLL_S)
    return None


def is_dead(pidfd: int) -> bool:
    """Whether the process has ended; for the first of a PID namespace: all of them."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


async def death(pidfd: int) -> None:
    """Wait until the process has ended."""
    loop = asyncio.get_running_loop()
    dead = asyncio.Event()
    loop.add_reader(pidfd, dead.set)
    try:
        await dead.wait()
    finally:
        loop.remove_reader(pidfd)


def kill(pidfd: int) -> None:
    """End it at once, if it is there."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


@contextmanager
def stopped(pid: int, pidfd: int) -> Generator[list[int]]:
    """It starts no process while the block runs, and is killed at its end.

    Gives descriptors of those that it has started.
    """
    children: list[int] = []
    try:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGSTOP)
            for child in children_of(pid):
                with suppress(ProcessLookupError):
                    children.append(os.pidfd_open(child))
        yield children
    finally:
        kill(pidfd)


def _threads_of(pid: int) -> list[str]:
    with suppress(*_GONE):
        return os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - a tenth of the time
    return []


def _children_of(pid: int, thread: str) -> list[int]:
    with suppress(*_GONE):
        text = Path(f"/proc/{pid}/task/{thread}/children").read_bytes()
        return [int(child) for child in text.split()]
    return []


def _own_memory(pid: int) -> int:
    with suppress(*_GONE, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/statm").read_bytes().split()
        return (int(fields[1]) - int(fields[2])) * _PAGE_BYTES
    return 0
