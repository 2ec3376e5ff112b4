"""The sandbox that a worker owns: it says how a process is started apart, and runs commands."""

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from core.clock import Clock, SystemClock
from tools.sandbox.bubblewrap import Bubblewrap, candidates
from tools.sandbox.cgroup import TaskGroup, TaskGroups
from tools.sandbox.doors import Doors
from tools.sandbox.landlock import Landlock
from tools.sandbox.networks import Networks, Visit
from tools.sandbox.port import KEEPERS, LASTING, Bounds, Confined, Confinement, NoSandbox, Wrapped
from tools.sandbox.programs import lay_out
from tools.sandbox.proxy import RegistryProxy
from tools.sandbox.registries import ALL, Registries
from tools.sandbox.repository import prepare
from tools.sandbox.running import Limits, Receipt, Running
from tools.sandbox.scripts import joining
from tools.workspace.paths import ROOT
from tools.workspace.port import RelPath

log = logging.getLogger(__name__)

NONE_HERE = (
    "Commands cannot run: this machine offers no sandbox (user namespaces and Landlock are both "
    "missing), and they are never run without one. Read and edit files with the other tools, and "
    "tell the user that commands need a worker with a sandbox."
)


NO_PREVIEW = (
    "Previews need network namespaces, which this machine's sandbox does not have: what is "
    "confined by Landlock has no network at all, so no server can listen."
)

KINDS = (Bubblewrap.name, Landlock.name)
"""By what processes can be confined; the first that works is taken."""

NO_OTHER = Limits()

OnOutput = Callable[[bytes], None]


@dataclass(frozen=True)
class Finished:
    """What a program said, and how it ended."""

    output: bytes
    receipt: Receipt


def _made_folder(parent: Path | None) -> Path:
    """A new one; its path is absolute, for what is wrapped starts in a folder of its own."""
    return Path(tempfile.mkdtemp(prefix="polaris-sandbox-", dir=parent)).absolute()


def _dropped(_: bytes) -> None:
    """Output that nobody follows."""


class Sandbox:
    """Starts processes that see one project's folder and the system's programs, and little else.

    Inside they find: the folder under the path that it has outside; /tmp of their own, of bounded
    size; node, npm, npx, python, pip, tsc and what the system has (git, grep, …), read-only. They
    find no environment, home folder, process, socket or network of the host. What is run and
    started in a folder shares one loopback, where this machine allows it (`networks`); what
    is only wrapped has its own. `.git/config` and
    `.git/hooks` are read-only; an empty repository is made where there is none.

    It is an async context, owned by a worker. Where the machine offers no sandbox it opens all the
    same, and `wrap` and `run` refuse with words for the model.

    Args:
        clock: what receipts are dated by.
        kinds: by what processes may be confined.
        registries: `host:port` of what can be reached where `network` is asked for.
        scratch: where programs and temporary files are laid out, on a disk from which programs can
            run; the system's temporary folder by default.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        kinds: Collection[str] = KINDS,
        registries: Collection[str] = (),
        scratch: Path | None = None,
    ) -> None:
        self._parent = scratch
        self._registries = registries
        self._proxy: RegistryProxy | None = None
        self._doors: Doors | None = None
        self._clock = clock or SystemClock()
        self._kinds = kinds
        self._groups: TaskGroups | None = None
        self._scratch: Path | None = None
        self._socket_folder: Path | None = None
        self._confinement: Confinement | None = None
        self.networks: Networks | None = None
        """Those of the projects; None where trees have one each."""

    @property
    def has_network(self) -> bool:
        """Whether `network` can be asked for."""
        return self._proxy is not None and self.kind == Bubblewrap.name

    def reaches(self, registries: Registries) -> bool:
        """Whether any of them can be reached from here."""
        return self.has_network and bool(registries.among(self._registries))

    @property
    def kind(self) -> str | None:
        """By what processes are confined; None where nothing can."""
        return self._confinement.name if self._confinement is not None else None

    @property
    def scratch(self) -> Path:
        """A folder for what is needed for a while, removed with the sandbox. Raises: NoSandbox."""
        if self._confinement is None or self._scratch is None:
            raise NoSandbox(NONE_HERE)
        return self._scratch

    async def __aenter__(self) -> Self:
        """Find out what this machine can do."""
        self._scratch = await asyncio.to_thread(_made_folder, self._parent)
        self._socket_folder = await asyncio.to_thread(_made_folder, None)  # its path is short
        if self._registries:
            proxy = RegistryProxy(self._socket_folder, self._registries)
            self._proxy = await proxy.__aenter__()
        self._confinement = await asyncio.to_thread(self._open, self._scratch)
        if self._confinement is None:
            log.error("no_sandbox")
        elif self.kind == Bubblewrap.name:
            self._doors = Doors(self._socket_folder)
        return self

    async def __aexit__(self, *error: object) -> None:
        """Remove what was laid out for programs."""
        self._confinement = self._doors = None
        if self._proxy is not None:
            await self._proxy.__aexit__(*error)
        if self._groups is not None:
            await asyncio.to_thread(self._groups.close)
        if self.networks is not None:
            self.networks.close()
        for made in (self._scratch, self._socket_folder):
            if made is not None:
                await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)

    def wrap(  # noqa: PLR0913 - what a caller may choose
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        cwd: RelPath = ROOT,
        writable: bool = True,
        network: bool = False,
        registries: Registries = ALL,
        read_only: Sequence[Path] = (),
    ) -> Wrapped:
        """The command line that starts `argv` inside, for a process whose pipes the caller owns.

        When the process that it starts is killed, or this worker dies, all that it has started
        inside dies as well. It opens a few files: call it from a thread where that matters.

        Args:
            argv: a program on the PATH inside, or its path, and its arguments.
            folder: the project's files, an absolute path.
            cwd: where in it the program starts; it has to exist.
            writable: whether the project's files may be changed.
            network: whether package registries can be reached.
            registries: which of them.
            read_only: more paths that are seen as they are outside; those that are missing are
                left out.

        Raises:
            NoSandbox: this machine has none, or the folder cannot be used.
        """
        wrapped = self._wrap(
            Confined(
                argv,
                folder,
                cwd,
                writable=writable,
                network=network,
                registries=registries,
                read_only=tuple(read_only),
                bounds=LASTING,
            )
        )
        group = self._group_for(LASTING)
        return (
            wrapped
            if group is None
            else replace(wrapped, argv=joining(group.members, wrapped.argv))
        )

    async def run(
        self, confined: Confined, limits: Limits = NO_OTHER, *, on_output: OnOutput = _dropped
    ) -> Finished:
        """Run a program to its end, or to where it passes a bound; then nothing of it lives.

        Errors are part of the output, in the order in which both were written. A cancel ends all
        of it before it passes on.

        Args:
            confined: what is run; its `merged` is of no account.
            limits: time and output.
            on_output: also gets the output, as it comes.

        Raises:
            NoSandbox: as `wrap`.
        """
        output = bytearray()

        def take(data: bytes) -> None:
            output.extend(data)
            on_output(data)

        running = await self.start(confined, limits, on_output=take)
        receipt = await running.finish()
        return Finished(bytes(output), receipt)

    async def start(
        self,
        confined: Confined,
        limits: Limits,
        *,
        on_output: OnOutput = _dropped,
        terminal: Path | None = None,
        is_reachable: bool = False,
    ) -> Running:
        """Start a program that runs beside the caller, who has to await its `finish`.

        With a `terminal`, the path of one, it reads and writes there and has no output else. What
        is reachable can be connected to, where this machine's sandbox has networks.

        Raises:
            NoSandbox: as `wrap`.
            OSError: it cannot be started.
        """
        confinement = self._confined_by
        with ExitStack() as made:
            door = visit = None
            if is_reachable and self._doors is not None:
                door = self._doors.open(confined.folder)
                made.callback(door.close)
            if self.networks is not None:
                visit = self.networks.visit(confined.folder)
                made.callback(visit.close)
            confined = replace(
                confined,
                merged=terminal is None,
                terminal=terminal,
                door=None if door is None else door.descriptor,
            )
            wrapped, group = await asyncio.to_thread(self._prepared, confined, visit)
            running = Running(
                confinement,
                confined.bounds,
                limits,
                on_output=on_output,
                clock=self._clock,
                group=group,
                door=door,
                visit=visit,
            )
            await running.start(wrapped)
            made.pop_all()
        return running

    @property
    def is_reachable(self) -> bool:
        """Whether servers inside can be connected to."""
        return self._doors is not None

    async def connect(
        self, folder: Path, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to what listens on that port in a reachable process of the project.

        Raises:
            NothingListens: there is none.
            NoSandbox: this machine's sandbox has no networks of its own.
        """
        if self._doors is None:
            raise NoSandbox(NO_PREVIEW)
        return await self._doors.connect(folder, port)

    @property
    def _confined_by(self) -> Confinement:
        if self._confinement is None:
            raise NoSandbox(NONE_HERE)
        return self._confinement

    def _prepared(
        self, confined: Confined, visit: Visit | None
    ) -> tuple[Wrapped, TaskGroup | None]:
        if visit is not None:
            confined = replace(confined, network_of=visit.begin())
        return self._wrap(confined), self._group_for(confined.bounds)

    def _wrap(self, confined: Confined) -> Wrapped:
        confinement = self._confined_by
        if confined.writable:
            prepare(confined.folder)
        if confined.network and self._proxy is not None:
            way_out = self._proxy.socket_for(confined.registries)
            confined = replace(confined, way_out=way_out)
        return confinement.wrap(confined)

    def _group_for(self, bounds: Bounds) -> TaskGroup | None:
        groups = self._groups
        return groups.open(at_most=bounds.tasks + KEEPERS) if groups is not None else None

    def _open(self, scratch: Path) -> Confinement | None:
        self._groups = TaskGroups()
        programs = lay_out(scratch)
        empty = scratch / "empty"
        empty.mkdir()
        for program in candidates() if Bubblewrap.name in self._kinds else ():
            bubblewrap = Bubblewrap(program, programs)
            if bubblewrap.works(empty):
                self.networks = bubblewrap.networks(empty)
                return bubblewrap
        if Landlock.name in self._kinds:
            temporary = scratch / "temporary"
            temporary.mkdir()
            landlock = Landlock(programs, temporary)
            is_counted = self._groups.are_possible or os.geteuid() != 0
            if is_counted and landlock.works():  # else nothing holds a fork bomb of root
                return landlock
        return None
