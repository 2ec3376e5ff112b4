"""A program of its own that confines another by Landlock and seccomp, and outlives it to end it.

It is started by `tools.sandbox.landlock`, imports nothing of ours and has three processes: the
first is what the caller sees, and dies with the caller; the second, the keeper, sees that death
through a pipe, adopts what is orphaned, and kills all of it; the third becomes the program.
"""

import ctypes
import errno
import json
import os
import platform
import resource
import select
import signal
import stat
import struct
import sys
from typing import Any, NoReturn

LEFT = "left behind: "  # as in tools.sandbox.scripts
CANNOT = 126  # as shells say that a program cannot be run
NOT_FOUND = 127
KILLED = 137
SIGNALLED = 128
NEEDED_ABI = 6  # signals stay inside since then (Linux 6.12)

_LIBC = ctypes.CDLL(None, use_errno=True)
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PDEATHSIG, _NO_NEW_PRIVS, _SECCOMP, _SUBREAPER = 1, 38, 22, 36
_BOUNDING_DROP, _CAPABILITIES_V3, _CAPSET = 24, 0x20080522, (126, 91)
_O_PATH = 0o10000000

_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_TRUNCATE, _DEVICE_CONTROL = 1 << 14, 1 << 15
_MAKE_DEVICES = (1 << 6) | (1 << 11)
_ALL_FILES = (1 << 16) - 1
_OF_A_FILE = _EXECUTE | _WRITE | _READ | _TRUNCATE | _DEVICE_CONTROL
_ALL_TCP, _ALL_SCOPES = 3, 3

# name: numbers on x86_64 and aarch64, -1 where there is none; what the caller gets instead.
_SYSCALLS: dict[str, tuple[int, int, int]] = {
    "socket": (41, 198, errno.EAFNOSUPPORT),
    "io_uring_setup": (425, 425, errno.ENOSYS),
    "ptrace": (101, 117, errno.EPERM),
    "process_vm_readv": (310, 270, errno.EPERM),
    "process_vm_writev": (311, 271, errno.EPERM),
    "kcmp": (312, 272, errno.EPERM),
    "unshare": (272, 97, errno.EPERM),
    "setns": (308, 268, errno.EPERM),
    "chroot": (161, 51, errno.EPERM),
    "pivot_root": (155, 41, errno.EPERM),
    "mount": (165, 40, errno.EPERM),
    "umount2": (166, 39, errno.EPERM),
    "open_tree": (428, 428, errno.EPERM),
    "move_mount": (429, 429, errno.EPERM),
    "fsopen": (430, 430, errno.EPERM),
    "mount_setattr": (442, 442, errno.EPERM),
    "open_by_handle_at": (304, 265, errno.EPERM),
    "bpf": (321, 280, errno.EPERM),
    "perf_event_open": (298, 241, errno.EPERM),
    "userfaultfd": (323, 282, errno.EPERM),
    "add_key": (248, 217, errno.EPERM),
    "request_key": (249, 218, errno.EPERM),
    "keyctl": (250, 219, errno.EPERM),
    # Landlock knows no right to change modes, owners and attributes of files that one may not open.
    "chmod": (90, -1, errno.EPERM),
    "fchmodat": (268, 53, errno.EPERM),
    "fchmodat2": (452, 452, errno.EPERM),
    "chown": (92, -1, errno.EPERM),
    "lchown": (94, -1, errno.EPERM),
    "fchownat": (260, 54, errno.EPERM),
    "setxattr": (188, 5, errno.EPERM),
    "lsetxattr": (189, 6, errno.EPERM),
    "removexattr": (197, 14, errno.EPERM),
    "lremovexattr": (198, 15, errno.EPERM),
}
_OF_OTHERS = {  # allowed for oneself only: the first argument is a process, 0 for the caller
    "prlimit64": (302, 261),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def landlock_abi() -> int:
    """Which version of Landlock this kernel offers; 0 for none."""
    found = _LIBC.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    return max(0, found)


def is_possible() -> bool:
    """Whether this machine can confine in this way."""
    return platform.machine() in _MACHINES and landlock_abi() >= NEEDED_ABI


def main() -> NoReturn:
    """Run what the first argument says, as JSON, and exit as it does."""
    spec: dict[str, Any] = json.loads(sys.argv[1])
    argv = sys.argv[2:]
    reading, writing = os.pipe()
    _prctl(_PDEATHSIG, signal.SIGKILL)
    keeper = os.fork()
    if keeper == 0:
        os.close(writing)
        _keep(spec, argv, reading)
    os.close(reading)
    _, status = os.waitpid(keeper, 0)
    os._exit(os.waitstatus_to_exitcode(status) % 256)


def _keep(spec: dict[str, Any], argv: list[str], first_lives: int) -> NoReturn:
    os.setsid()
    _prctl(_SUBREAPER, 1)
    temporary = f"{spec['temporary']}/{os.getpid()}-{os.urandom(4).hex()}"
    os.mkdir(temporary, 0o700)
    seal = _Seal(spec["folder"])
    program = os.fork()
    if program == 0:
        os.close(first_lives)
        _become(spec, argv, temporary)
    os.close(0)
    os.close(1)
    ending = os.pidfd_open(program)
    select.select([first_lives, ending], [], [])
    left = _descendants(os.getpid(), program)
    code = KILLED
    if _is_over(ending):
        _, status = os.waitpid(program, 0)
        code = os.waitstatus_to_exitcode(status)
        code = SIGNALLED - code if code < 0 else code
        for pid in left:
            _note(LEFT + _name(pid))
    _end_all()
    _remove(temporary)
    seal.restore()
    os._exit(code)


def _become(spec: dict[str, Any], argv: list[str], temporary: str) -> NoReturn:
    """Confine this process, and run the program in it."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    environment = {**os.environ, "HOME": temporary, "TMPDIR": temporary}  # noqa: TID251 - all of it was given
    notes = os.dup(2)
    os.set_inheritable(notes, False)
    if spec["merged"]:
        os.dup2(1, 2)
    try:
        if spec["terminal"]:
            _take(spec["terminal"])
        for name, value in spec["limits"].items():
            resource.setrlimit(getattr(resource, name), (value, value))
        tasks = spec["tasks"] + _tasks_of_this_user()
        resource.setrlimit(resource.RLIMIT_NPROC, (tasks, tasks))
        os.chdir(spec["start"])
        _prctl(_NO_NEW_PRIVS, 1)
        _drop_capabilities()
        _restrict(spec["read_only"], [*spec["writable"], temporary], bool(spec["terminal"]))
        _filter()
    except OSError as error:
        os.write(notes, f"cannot confine the program: {error}\n".encode())
        os._exit(CANNOT)
    try:
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - no shell
    except FileNotFoundError:
        os.write(2, f"{argv[0]}: not found\n".encode())
        os._exit(NOT_FOUND)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(CANNOT)


def _take(terminal: str) -> None:
    """Lead a session which that terminal controls, and read and write there."""
    os.setsid()
    opened = os.open(terminal, os.O_RDWR)  # the first that a leader opens controls its session
    for stream in (0, 1, 2):
        os.dup2(opened, stream)
    os.close(opened)


def _drop_capabilities() -> None:
    """What makes root more than another user is given up for good."""
    capability = 0
    while _LIBC.prctl(*map(_wide, (_BOUNDING_DROP, capability, 0, 0, 0))) == 0:
        capability += 1
    header = struct.pack("Ii", _CAPABILITIES_V3, 0)
    _call(_CAPSET[_MACHINES[platform.machine()][0]], header, bytes(24))


def _restrict(read_only: list[str], writable: list[str], has_terminal: bool) -> None:
    attributes = struct.pack("QQQ", _ALL_FILES, _ALL_TCP, _ALL_SCOPES)
    rules = _call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    for path in read_only:
        _allow(rules, path, _EXECUTE | _READ | _LIST)
    for path in writable:
        _allow(rules, path, _ALL_FILES & ~_MAKE_DEVICES)
    for name in ("null", "zero", "full", "random", "urandom"):
        _allow(rules, f"/dev/{name}", _READ | _WRITE)
    if has_terminal:  # by this name, everybody has their own
        _allow(rules, "/dev/tty", _READ | _WRITE | _DEVICE_CONTROL)
    _call(_RESTRICT_SELF, rules, 0)
    os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, _O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= _OF_A_FILE
        rule = struct.pack("=Qi", rights, beneath)
        _call(_ADD_RULE, rules, 1, rule, 0)
    finally:
        os.close(beneath)


def _filter() -> None:
    """Refuse system calls: a program of the kernel's packet filter, one test for each of them."""
    column, machine = _MACHINES[platform.machine()]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    refused, kill, allowed = 0x00050000, 0x80000000, 0x7FFF0000
    steps = [(load, 0, 0, 4), (equal, 1, 0, machine), (give, 0, 0, kill), (load, 0, 0, 0)]
    if column == 0:  # the x32 numbers of the same calls
        steps += [(at_least, 0, 1, 0x40000000), (give, 0, 0, refused | errno.ENOSYS)]
    for *numbers, error in _SYSCALLS.values():
        if numbers[column] >= 0:
            steps += [(equal, 0, 1, numbers[column]), (give, 0, 0, refused | error)]
    for numbers in _OF_OTHERS.values():
        steps += [
            *((equal, 0, 4, numbers[column]), (load, 0, 0, 16), (equal, 1, 0, 0)),
            *((give, 0, 0, refused | errno.EPERM), (load, 0, 0, 0)),
        ]
    steps.append((give, 0, 0, allowed))
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(buffer))
    _prctl(_SECCOMP, 2, ctypes.c_char_p(program))


class _Seal:
    """What of `.git` names programs: put back as it was, whatever was done to it inside."""

    _FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._config: bytes | None = None
        self._hooks: set[str] = set()
        try:
            git = os.open(f"{folder}/.git", self._FOLDER)
            self._config = _read(git, "config")
            hooks = os.open("hooks", self._FOLDER, dir_fd=git)
            self._hooks = set(os.listdir(hooks))
        except OSError:  # there is none
            return

    def restore(self) -> None:
        """Put the configuration back, and remove hooks that are new."""
        if self._config is None:
            return
        try:
            root = os.open(self._folder, self._FOLDER)
            git = os.open(".git", self._FOLDER, dir_fd=root)
        except OSError:
            _discard(f"{self._folder}/.git")
            return
        if _read(git, "config") != self._config:
            _discard("config", git)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            os.write(os.open("config", flags, 0o644, dir_fd=git), self._config)
        try:
            hooks = os.open("hooks", self._FOLDER, dir_fd=git)
        except OSError:
            _discard("hooks", git)
            return
        for name in set(os.listdir(hooks)) - self._hooks:
            _discard(name, hooks)


def _read(folder: int, name: str) -> bytes | None:
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        return os.read(file, 1024 * 1024)
    except OSError:
        return None


def _discard(name: str, folder: int | None = None) -> None:
    """Remove a file or a link; a folder is moved out of the way."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except OSError:
        aside = f"{name}-{os.urandom(4).hex()}"
        os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)


def _end_all() -> None:
    """Kill all that is left, until there is nothing to wait for."""
    while True:
        found = _descendants(os.getpid())
        for end in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                try:
                    os.kill(pid, end)
                except ProcessLookupError:
                    continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def _descendants(pid: int, without: int = 0) -> list[int]:
    found: list[int] = []
    pending = [pid]
    while pending:
        current = pending.pop()
        try:
            for thread in os.listdir(f"/proc/{current}/task"):
                with open(f"/proc/{current}/task/{thread}/children") as children:
                    pending += map(int, children.read().split())
        except OSError:
            continue
        if current not in {pid, without}:
            found.append(current)
    return found


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm") as name:
            return name.read().strip()
    except OSError:
        return "a process"


def _note(text: str) -> None:
    try:
        os.write(2, text.encode() + b"\n")
    except OSError:  # nobody reads it any more
        return


def _is_over(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], 0)[0])


def _tasks_of_this_user() -> int:
    """What the kernel counts against the same limit already."""
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == os.getuid():
                    count += len(os.listdir(f"/proc/{name}/task"))
            except OSError:
                continue
    return count


def _remove(folder: str) -> None:
    for at, folders, files, descriptor in os.fwalk(folder, topdown=False):
        for name in (*files, *folders):
            try:
                if name in folders and not os.path.islink(f"{at}/{name}"):
                    os.rmdir(name, dir_fd=descriptor)
                else:
                    os.unlink(name, dir_fd=descriptor)
            except OSError:
                continue
    try:
        os.rmdir(folder)
    except OSError:
        return


def _call(number: int, *arguments: Any) -> int:
    result = _LIBC.syscall(number, *map(_wide, arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _prctl(*arguments: Any) -> None:
    given = [*arguments, 0, 0, 0, 0][:5]
    if _LIBC.prctl(*map(_wide, given)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _wide(argument: Any) -> Any:
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


if __name__ == "__main__":
    main()
