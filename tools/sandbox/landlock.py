"""Confinement by Landlock and seccomp, for machines that give no user namespaces."""

import json
import os
import sys
from pathlib import Path

from tools.sandbox.launcher import is_possible
from tools.sandbox.port import KEEPERS, NO_NETWORK, Confined, NoSandbox, Wrapped
from tools.sandbox.programs import ETC, SYSTEM, Programs, environment
from tools.sandbox.tree import stopped

LAUNCHER = Path(__file__).with_name("launcher.py")
SEEN_OF_PROC = ("cpuinfo", "meminfo", "stat", "uptime", "loadavg", "version", "filesystems")


class Landlock:
    """See `Confinement`. It differs from bubblewrap.

    There is no network at all, not even between processes inside, so servers cannot listen. The
    launcher opens the terminal, for the program leads a session of its own below the keeper. Modes
    and owners of files cannot be changed by path. /tmp is not there: TMPDIR is a folder of the
    process tree, of which only each file is bounded. `.git/config` and hooks can be changed inside,
    and are put back when the tree has ended. Names and sizes of other files of this machine can be
    asked for, their content not.

    Args:
        programs: what is seen of the host's programs.
        temporary: where temporary folders are made.
    """

    name = "landlock"

    def __init__(self, programs: Programs, temporary: Path) -> None:
        self._programs = programs
        self._temporary = temporary
        system = [Path("/", name) for name in SYSTEM]
        etc = [Path("/etc", name) for name in ETC]
        proc = [Path("/proc", name) for name in SEEN_OF_PROC]
        known = (*system, *etc, *proc, programs.etc, programs.names, *programs.read_only)
        self._read_only = [str(path) for path in known]

    def wrap(self, confined: Confined) -> Wrapped:
        """See `Confinement.wrap`."""
        if confined.network:
            raise NoSandbox(NO_NETWORK)
        bounds = confined.bounds
        folder = str(confined.folder)
        extra = [folder, *map(str, confined.read_only)]
        spec = {
            "folder": folder,
            "start": str(confined.start),
            "read_only": [*self._read_only, *extra],
            "writable": [folder] if confined.writable else [],
            "temporary": str(self._temporary),
            "merged": confined.merged,
            "terminal": None if confined.terminal is None else str(confined.terminal),
            "tasks": bounds.tasks + KEEPERS,
            "limits": {
                "RLIMIT_CORE": 0,
                "RLIMIT_CPU": bounds.cpu_s,
                "RLIMIT_NOFILE": bounds.open_files,
                "RLIMIT_FSIZE": bounds.file_bytes,
                "RLIMIT_DATA": bounds.memory_bytes,
            },
        }
        here = self._temporary
        inside = environment(confined.folder, names=self._programs.names, home=here, temporary=here)
        given = {"GIT_CONFIG_SYSTEM": str(self._programs.etc / "gitconfig"), **confined.env}
        argv = (sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(spec), *confined.argv)
        return Wrapped(argv, {**inside, **given})

    def kill(self, pid: int, pidfd: int) -> list[int]:
        """See `Confinement.kill`. The keeper sees this death, and ends all others."""
        with stopped(pid, pidfd) as children:
            return children

    def works(self) -> bool:
        """Whether this machine lets it confine anything."""
        return sys.platform == "linux" and os.path.exists("/proc/self/task") and is_possible()  # noqa: PTH110 - short
