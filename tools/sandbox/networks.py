"""One network a project: a command reaches what another one of its project serves, and no other.

Each process tree has namespaces of its own but for the network, which is entered by `nsenter`
before bubblewrap sets up the rest. A network is made without a process in it; it lasts as long as
this process holds its descriptors, or a tree runs in it.
"""

import json
import os
import select
import shutil
import subprocess
import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

MADE_S = 10.0  # bubblewrap needs milliseconds; a machine that needs longer is broken
KEPT = 64  # networks in which nothing runs; the ones left for longest make room


@dataclass(frozen=True)
class Network:
    """The namespaces of a network, held open: that of its users owns the other.

    Args:
        nsenter: an absolute path, for PATH begins with folders of the project.
    """

    nsenter: Path
    users: int
    net: int

    @property
    def entering(self) -> tuple[str, ...]:
        """What stands before a command line that is to run in it.

        The files are those of this process: what is started inherits no descriptor of them.
        """
        own = f"/proc/{os.getpid()}/fd"
        spaces = (f"--user={own}/{self.users}", f"--net={own}/{self.net}")
        return (str(self.nsenter), *spaces, "--preserve-credentials", "--")

    def close(self) -> None:
        """Let go of it."""
        os.close(self.users)
        os.close(self.net)


class Visit:
    """A process tree's share in its project's network; it may be closed before it has begun."""

    def __init__(self, networks: "Networks", folder: Path) -> None:
        self.folder = folder
        self.is_counted = False
        self.is_closed = False
        self._networks = networks

    def begin(self) -> Network:
        """The network, which is made if there is none; blocks for milliseconds. Raises: OSError."""
        return self._networks.enter(self)

    def close(self) -> None:
        """The tree has ended, or was not started."""
        self._networks.leave(self)


class Networks:
    """Those of the projects, by their folder; it may be used from any thread.

    Args:
        nsenter: what enters them.
        make: the command line of bubblewrap that makes a network; what to run in it follows.
    """

    def __init__(self, nsenter: Path, make: Sequence[str]) -> None:
        self._nsenter = nsenter
        self._make = tuple(make)
        self._making = threading.Lock()
        self._lock = threading.Lock()  # never held for longer than a look at these two
        self._known: OrderedDict[Path, Network] = OrderedDict()
        self._visits: Counter[Path] = Counter()

    def __len__(self) -> int:
        """How many are held."""
        return len(self._known)

    def visit(self, folder: Path) -> Visit:
        """A share in the network of a project, which begins with `Visit.begin`."""
        return Visit(self, folder)

    def enter(self, visit: Visit) -> Network:
        """See `Visit.begin`."""
        with self._making:  # one at a time, so that a project gets one
            with self._lock:
                network = self._counted(visit)
            if network is None:
                made = Network(self._nsenter, *_new_namespaces(self._make))
                with self._lock:
                    self._known[visit.folder] = made
                    network = self._counted(visit)
        assert network is not None  # noqa: S101 - it was made
        return network

    def leave(self, visit: Visit) -> None:
        """See `Visit.close`."""
        with self._lock:
            visit.is_closed = True
            if not visit.is_counted:
                return
            visit.is_counted = False
            self._visits[visit.folder] -= 1
            if not self._visits[visit.folder]:
                del self._visits[visit.folder]
            idle = [path for path in self._known if path not in self._visits]
            for path in idle[:-KEPT]:
                self._known.pop(path).close()

    def close(self) -> None:
        """Hold none any more; no tree runs, or is started."""
        with self._lock:
            while self._known:
                self._known.popitem()[1].close()

    def _counted(self, visit: Visit) -> Network | None:
        network = self._known.get(visit.folder)
        if network is not None and not visit.is_closed:
            self._visits[visit.folder] += 1
            self._known.move_to_end(visit.folder)
            visit.is_counted = True
        return network


def nsenter() -> Path | None:
    """The program that enters namespaces; None where this machine has none."""
    found = shutil.which("nsenter")
    return None if found is None else Path(found).absolute()


def _new_namespaces(make: Sequence[str]) -> tuple[int, int]:
    """Of users and of a network with its loopback up, as descriptors. Raises: OSError."""
    told, tells = os.pipe()
    waits, goes_on = os.pipe()
    try:
        try:
            options = ("--info-fd", str(tells), "--block-fd", str(waits))
            maker = subprocess.Popen(  # noqa: S603 - our own command line
                (*make, *options, "--", "/bin/sh", "-c", ":"),
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(tells, waits),
            )
        finally:
            os.close(tells)
            os.close(waits)
        with maker:
            try:
                return _held(maker, told, goes_on)
            finally:
                maker.kill()
    finally:
        os.close(told)
        os.close(goes_on)


def _held(maker: "subprocess.Popen[bytes]", told: int, goes_on: int) -> tuple[int, int]:
    """The namespaces of the process that waits, once it has set them up. Raises: OSError."""
    inside = f"/proc/{_child_in(told)}/ns"
    with ExitStack() as held:
        users, net = (os.open(f"{inside}/{name}", os.O_RDONLY) for name in ("user", "net"))
        for space in (users, net):
            held.callback(os.close, space)
        os.write(goes_on, b"\n")
        try:
            code = maker.wait(MADE_S)
        except subprocess.TimeoutExpired:
            code = None
        if code != 0:  # the loopback is not up
            raise OSError("bubblewrap made no network")
        held.pop_all()
    return users, net


def _child_in(told: int) -> int:
    """The process whose number bubblewrap tells. Raises: OSError."""
    text = b""
    while select.select([told], [], [], MADE_S)[0]:
        piece = os.read(told, 4096)
        text += piece
        with suppress(ValueError):
            return int(json.loads(text)["child-pid"])
        if not piece:
            break
    raise OSError("bubblewrap made no network")
