"""A bound on the number of tasks that also holds for root: a control group, where one can be made.

The kernel exempts root from RLIMIT_NPROC, and a fork bomb outruns whoever counts processes.
"""

import os
from contextlib import suppress
from itertools import count
from pathlib import Path

_MOUNTS = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))  # version 1, version 2
_NAME = "polaris-"
_numbers = count()


class TaskGroup:
    """The tasks of one tree; it can be closed when they have ended."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def members(self) -> Path:
        """The file by which a process joins."""
        return self._path / "cgroup.procs"

    def close(self) -> None:
        """Remove the group."""
        with suppress(OSError):
            self._path.rmdir()


class TaskGroups:
    """Makes task groups below the group that this process is in; none where that is forbidden."""

    def __init__(self) -> None:
        self._parent = next(filter(_is_usable, _own_groups()), None)
        if self._parent is not None:
            _sweep(self._parent)

    @property
    def are_possible(self) -> bool:
        """Whether groups can be made."""
        return self._parent is not None

    def open(self, *, at_most: int) -> TaskGroup | None:
        """A group for so many tasks."""
        if self._parent is None:
            return None
        path = self._parent / f"{_NAME}{os.getpid()}-{next(_numbers)}"
        try:
            path.mkdir()
            (path / "pids.max").write_text(str(at_most))
        except OSError:
            TaskGroup(path).close()
            return None
        return TaskGroup(path)

    def close(self) -> None:
        """Remove what is empty of the groups of this process."""
        if self._parent is not None:
            for path in self._parent.glob(f"{_NAME}{os.getpid()}-*"):
                TaskGroup(path).close()


def _own_groups() -> list[Path]:
    """Where a group of ours would stand, for each version of control groups."""
    found: list[Path] = []
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "pids":
                found.append(_MOUNTS[0] / path.lstrip("/"))
            elif not controllers:
                found.append(_MOUNTS[1] / path.lstrip("/"))
    return found


def _is_usable(parent: Path) -> bool:
    """Whether a group below it has a bound on tasks."""
    probe = parent / f"{_NAME}{os.getpid()}-probe"
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        return os.access(probe / "pids.max", os.W_OK)
    finally:
        TaskGroup(probe).close()


def _sweep(parent: Path) -> None:
    """Remove the groups of processes that were killed."""
    for path in parent.glob(f"{_NAME}*-*"):
        owner = path.name.removeprefix(_NAME).partition("-")[0]
        if not Path("/proc", owner).exists():
            TaskGroup(path).close()
