"""The port to what confines processes: which paths they see, and what they may use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from core.errors import Refused
from tools.sandbox.networks import Network
from tools.sandbox.registries import ALL, Registries
from tools.workspace.paths import ROOT
from tools.workspace.port import RelPath

MIB = 1024 * 1024


@dataclass(frozen=True)
class Bounds:
    """What a confined tree of processes may use; more ends it, or fails what asked for it.

    `memory_bytes` holds for each process, and for all of them together while `Sandbox.run` watches.
    `tasks` are processes and their threads: what reaches the number is ended. `cpu_s` is of each
    process, `file_bytes` of each file, `tmp_bytes` of all of /tmp.
    """

    memory_bytes: int = 4096 * MIB
    tasks: int = 1000
    cpu_s: int = 900
    file_bytes: int = 512 * MIB
    tmp_bytes: int = 1024 * MIB
    open_files: int = 4096


LASTING = Bounds(cpu_s=30 * 24 * 3600)
"""Of what is to go on for days: a language server has used its 900 s one day."""


@dataclass(frozen=True)
class Confined:
    """What one process tree is given.

    Args:
        argv: the program, found on the PATH of `env`, and its arguments.
        folder: the project's files; it has the same path inside and outside.
        cwd: where in it the program starts; it exists.
        writable: whether the files may be changed.
        network: whether package registries are reached, over the sandbox's own proxy.
        registries: which of them.
        way_out: the socket of that proxy; the sandbox says it.
        read_only: more paths that are seen as they are outside, and cannot be changed.
        env: all of its environment.
        terminal: the path of what controls it, a person's; None for none.
        network_of: the network that it shares with others of its project, which the sandbox says;
            None for one of its own.
        door: the descriptor of a socket by which somebody outside reaches ports inside.
        merged: whether errors are printed where the output is, and standard error is told the
            names of processes that outlive the program.
    """

    argv: Sequence[str]
    folder: Path
    cwd: RelPath = ROOT
    writable: bool = True
    network: bool = False
    registries: Registries = ALL
    way_out: Path | None = None
    read_only: Sequence[Path] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    bounds: Bounds = field(default_factory=Bounds)
    merged: bool = False
    terminal: Path | None = None
    network_of: Network | None = None
    door: int | None = None

    @property
    def start(self) -> Path:
        """The folder in which the program starts."""
        return self.folder / self.cwd


@dataclass(frozen=True)
class Wrapped:
    """How to start a confined process: exactly this command line with exactly this environment.

    Anything else in the environment could be read inside. When the process that this starts is
    killed, all that it has started inside dies with it; and so it does when the thread ends that
    started it.

    `terminal` is opened by whoever starts it: its standard streams, and what controls it.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    terminal: Path | None = None


NO_NETWORK = (
    "Nothing was run: it asks for package registries, and this sandbox has no network. Do without "
    "new packages, or tell the user that they have to be allowed (POLARIS_PACKAGE_REGISTRIES)."
)

KEEPERS = 8
"""Tasks of the sandbox itself, which the system counts as well."""


class Confinement(Protocol):
    """One way in which a machine can confine processes."""

    @property
    def name(self) -> str:
        """What it is, for people who look at a log."""
        ...

    def wrap(self, confined: Confined) -> Wrapped:
        """The command line that runs it. Raises: NoSandbox."""
        ...

    def kill(self, pid: int, pidfd: int) -> list[int]:
        """End at once the tree whose first process this is, given by number and descriptor.

        What comes back are descriptors of the processes that are the last to die; the caller waits
        for them and closes them.
        """
        ...


class NoSandbox(Refused):
    """This machine cannot confine processes, or not in the way that is asked for."""

    code = "no_sandbox"
