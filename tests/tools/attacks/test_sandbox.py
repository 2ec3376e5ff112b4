"""What a program tries that nobody has judged, as a script of a project may: the sandbox holds."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import alive
from tools.sandbox.port import MIB, Bounds, Confined
from tools.sandbox.running import Ending, Limits
from tools.sandbox.sandbox import KINDS, Finished, Sandbox

pytestmark = pytest.mark.timeout(90)

SECRET = "s3cret-of-the-host"  # noqa: S105 - what must not be found


@dataclass
class Site:
    """A project, and what stands beside it on the host."""

    sandbox: Sandbox
    folder: Path
    beside: Path
    port: int

    async def run(self, script: str, bounds: Bounds = Bounds()) -> Finished:  # noqa: B008 - frozen
        (self.folder / "attack.sh").write_text(script.replace("BESIDE", str(self.beside)))
        confined = Confined(("sh", "attack.sh"), self.folder, bounds=bounds)
        return await self.sandbox.run(confined, Limits(timeout_s=20))


@pytest.fixture(params=KINDS)
async def site(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    monkeypatch.setenv("POLARIS_SECRET", SECRET)
    beside = tmp_path / "beside"
    folder = tmp_path / "project"
    for made in (beside, folder):
        made.mkdir()
    (beside / "secret.txt").write_text(SECRET)
    (beside / "run.sh").write_text("#!/bin/sh\n")
    listener = socket.create_server(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(beside / "socket"))
    unix.listen()
    async with Sandbox(kinds=[request.param]) as sandbox:
        if sandbox.kind is None:
            pytest.skip(f"this machine has no {request.param}")
        yield Site(sandbox, folder, beside, listener.getsockname()[1])
    listener.close()
    unix.close()


READS = {
    "its environment": "env; cat /proc/self/environ",
    "the first process": "cat /proc/1/environ /proc/2/environ /proc/1/cmdline",
    "all processes": "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; ps auxwwe",
    "its parent": "cat /proc/$PPID/environ; cat /proc/$PPID/root/BESIDE/secret.txt",
    "a file beside": "cat BESIDE/secret.txt",
    "a path upwards": "cat ../beside/secret.txt",
    "a symbolic link": "ln -s BESIDE/secret.txt s; cat s; cat ./s",
    "a link to a folder": "ln -s BESIDE d; cat d/secret.txt; ls d/",
    "a hard link": "ln BESIDE/secret.txt h; cat h",
    "a copy": "cp -r BESIDE copy; cat copy/secret.txt",
    "the old root": "cat /proc/1/root/BESIDE/secret.txt; cat /oldroot/BESIDE/secret.txt",
    "its own root": "cat /proc/self/root/BESIDE/secret.txt",
    "another mount": "mount --bind BESIDE . ; cat secret.txt",
    "a new namespace": "unshare -Urm sh -c 'mount --bind BESIDE /tmp; cat /tmp/secret.txt'",
    "another root": "chroot BESIDE cat secret.txt",
    "descriptors": "for n in 3 4 5 6 7 8 9; do cat <&$n; done; ls -l /proc/self/fd",
    "node": "node -e \"console.log(require('fs').readFileSync('BESIDE/secret.txt', 'utf8'))\"",
    "python": "python -c \"print(open('BESIDE/secret.txt').read())\"",
    "git": "git clone BESIDE there; git diff --no-index /dev/null BESIDE/secret.txt",
    "an archive": "tar cf - BESIDE | tar tvf -; tar xOf - < BESIDE/secret.txt",
}


@pytest.mark.parametrize("script", READS.values(), ids=READS)
async def test_secrets_of_the_host_are_not_read(site: Site, script: str) -> None:
    done = await site.run(script)
    assert SECRET.encode() not in done.output
    assert done.receipt.ending is Ending.EXITED
    assert b"pytest" not in done.output.replace(str(site.folder).encode(), b"").replace(
        str(site.beside).encode(), b""
    )
    found = [path for path in site.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert all(SECRET not in path.read_text(errors="replace") for path in found)


SYSTEM_READS = {
    "passwords": "cat /etc/shadow",
    "keys of the host": "ls /etc/ssl/private/ /etc/ssh",
    "home folders": "ls /root/.ssh /root/.config /home/user",
    "the memory": "head -c 10 /dev/mem || head -c 10 /proc/kcore | grep .",
    "disks": "head -c 10 /dev/sda || head -c 10 /dev/vda",
    "messages of the kernel": "dmesg || head -c 100 /proc/kmsg | grep .",
}


@pytest.mark.parametrize("script", SYSTEM_READS.values(), ids=SYSTEM_READS)
async def test_the_system_is_not_read(site: Site, script: str) -> None:
    done = await site.run(script)
    assert done.receipt.code != 0
    assert b"cannot" in done.output or b"denied" in done.output or b"No such" in done.output


WRITES = {
    "a file beside": "echo x > BESIDE/secret.txt",
    "a new file beside": "touch BESIDE/new",
    "a link": "ln -s BESIDE d; echo x > d/secret.txt; touch d/new",
    "a link in a rename": "echo x > a; mv a BESIDE/new; ln -s BESIDE d; mv attack.sh d/new",
    "a hard link": "ln attack.sh BESIDE/new",
    "deleting": "rm -rf BESIDE; rm -rf BESIDE/*",
    "renaming": "mv BESIDE BESIDE-2",
    "modes": "chmod 777 BESIDE/secret.txt BESIDE; chown 1:1 BESIDE/secret.txt",
    "truncating": "truncate -s 0 BESIDE/secret.txt",
    "programs of the system": "echo x > /usr/bin/x; echo x > /bin/ls; rm /usr/bin/env",
    "settings of the system": "echo x > /etc/hosts && touch wrote; echo x >> /etc/ld.so.cache",
    "settings of the kernel": (
        "v=$(cat /proc/sys/vm/swappiness); echo ${v:-60} > /proc/sys/vm/swappiness && touch wrote"
    ),
    "devices": "mknod d b 8 0 && touch wrote; mknod d c 1 1 && touch wrote",
    "our programs": "echo x > $(command -v npm) && touch wrote; rm $(command -v node)",
    "temporary files of the host": "touch /var/tmp/x && touch wrote; touch /run/x && touch wrote",
}


@pytest.mark.parametrize("script", WRITES.values(), ids=WRITES)
async def test_nothing_outside_is_changed(site: Site, script: str) -> None:
    before = {path: path.stat() for path in (site.beside, *site.beside.iterdir())}
    done = await site.run(script)
    assert done.receipt.ending is Ending.EXITED
    assert not (site.folder / "wrote").exists()
    after = {path: path.stat() for path in (site.beside, *site.beside.iterdir())}
    assert {
        path: (it.st_mode, it.st_uid, it.st_mtime_ns, it.st_nlink) for path, it in after.items()
    } == {path: (it.st_mode, it.st_uid, it.st_mtime_ns, it.st_nlink) for path, it in before.items()}
    assert (site.beside / "secret.txt").read_text() == SECRET


HOOKS = {
    "a setting": "git config core.fsmonitor ./attack.sh",
    "a file": "echo '[core] fsmonitor = ./attack.sh' > .git/config",
    "a longer file": "echo '[core] fsmonitor = ./attack.sh' >> .git/config",
    "a hook": "cp attack.sh .git/hooks/pre-commit",
    "another repository": "mv .git old; mkdir .git; echo '[core] fsmonitor = x' > .git/config",
    "no repository": "rm -rf .git; mkdir -p .git/hooks; cp attack.sh .git/hooks/pre-commit",
    "a link": "rm -rf .git; ln -s BESIDE .git; rm .git/config; ln -s /etc/passwd .git/config",
    "a file for a folder": "rm -rf .git; echo 'gitdir: BESIDE' > .git",
    "another configuration": "rm -f .git/config; ln -s ../attack.sh .git/config",
    "other hooks": "rm -rf .git/hooks; ln -s ../../beside .git/hooks",
    "a copy": "git init --separate-git-dir=x .; git init --template=.",
}


@pytest.mark.parametrize("script", HOOKS.values(), ids=HOOKS)
async def test_git_runs_nothing_of_a_projects(site: Site, script: str) -> None:
    await site.run("true")
    before = (site.folder / ".git" / "config").read_bytes()
    await site.run(script)
    after = await site.run("git config --local --list; ls -A .git/hooks")
    assert b"fsmonitor" not in after.output
    assert b"pre-commit" not in after.output
    assert not (site.folder / ".git").is_symlink()
    assert (site.folder / ".git" / "config").read_bytes() == before
    assert list((site.folder / ".git" / "hooks").iterdir()) == []
    assert (site.beside / "secret.txt").read_text() == SECRET
    await site.run("rm -rf x")  # nested deeper than pytest can remove


CONNECTS = {
    "a server of the host": (
        "node -e \"fetch('http://127.0.0.1:PORT').then(() => console.log('REACHED'), "
        "e => console.log('no', e.cause.code))\""
    ),
    "its other name": (
        "python -c \"import socket; socket.create_connection(('localhost', PORT), 3)\""
    ),
    "the internet": "python -c \"import socket; socket.create_connection(('1.1.1.1', 53), 3)\"",
    "a name": "python -c \"import socket; print(socket.getaddrinfo('example.com', 80))\"",
    "a packet": (
        'python -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)'
        ".sendto(b'x', ('1.1.1.1', 53))\""
    ),
    "a socket in a file": (
        "python -c \"import socket; socket.socket(socket.AF_UNIX).connect('BESIDE/socket')\""
    ),
    "the shell's own": "bash -c 'echo > /dev/tcp/127.0.0.1/PORT'",
    "packets of one's own": 'python -c "import socket; socket.socket(socket.AF_PACKET, 3, 3)"',
}


@pytest.mark.parametrize("script", CONNECTS.values(), ids=CONNECTS)
async def test_nothing_is_reached(site: Site, script: str) -> None:
    done = await site.run(script.replace("PORT", str(site.port)))
    assert b"REACHED" not in done.output
    assert done.receipt.code != 0 or b"no E" in done.output


KILLS = {
    "the worker": "kill -9 WORKER",
    "its group": "kill -9 -WORKER",
    "all that there are": "kill -9 -1",
    "its parent": "kill -9 $PPID",
    "the first": "kill -9 1",
    "python": 'python -c "import os; [os.kill(n, 9) for n in range(2, 40000) if n != os.getpid()]"',
    "priorities": "renice -n 19 -p WORKER",
    "limits": "prlimit --pid WORKER --nofile=10:10",
}


def told(path: str) -> str:
    return Path("/proc", path).read_text()


@pytest.mark.parametrize("script", KILLS.values(), ids=KILLS)
async def test_the_worker_is_not_ended(site: Site, script: str) -> None:
    limits = told("self/limits")
    bystander = await asyncio.create_subprocess_exec("sleep", "300")
    try:
        await site.run(script.replace("WORKER", str(os.getpid())))
        assert bystander.returncode is None
        assert told(f"{bystander.pid}/comm") == "sleep\n"
        assert told("self/limits") == limits
    finally:
        bystander.kill()
        await bystander.wait()
    assert (await site.run("echo well")).output == b"well\n"


RIGHTS = {
    "a set-uid file": "cp /bin/true t && chmod u+s t && ./t; su -c id; id -u",
    "capabilities": "grep CapEff /proc/self/status",
    "namespaces": "unshare -Ur id -u || unshare -n true || echo none",
    "the clock": "date -s 2000-01-01 && echo CHANGED",
    "the host's name": "hostname polaris-was-here && echo CHANGED",
    "modules": "python -c \"import ctypes; print(ctypes.CDLL(None).syscall(175, 0, 0, b''))\"",
}


@pytest.mark.parametrize("script", RIGHTS.values(), ids=RIGHTS)
async def test_there_are_no_rights_to_be_had(site: Site, script: str) -> None:
    done = await site.run(script)
    assert b"CHANGED" not in done.output
    if b"CapEff" in done.output:
        assert b"0000000000000000" in done.output
    if site.sandbox.kind == "bubblewrap":
        assert b"\n0\n" not in b"\n" + done.output


EXCESSES = {
    "a file of 1 GB": "truncate -s 1G big || head -c 1G /dev/zero > big",
    "a file that is written": "yes > big",
    "a file in parts": "dd if=/dev/zero of=big bs=1M count=1024",
    "memory": "python -c 'bytearray(3_000_000_000)'",
    "memory in many": (
        "for n in 1 2 3; do python -c 'import time; x = bytearray(150_000_000); time.sleep(60)' & "
        "done; wait"
    ),
    "temporary files": "yes > $TMPDIR/big",
    "shared memory": "yes > /dev/shm/big",
    "endless output": "yes",
    "files that are open": "python -c 'x = [open(\"attack.sh\") for _ in range(100_000)]'",
    "threads": (
        'python -c "import threading, time\n'
        'for _ in range(999): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"'
    ),
    "processes": "for n in $(seq 500); do sleep 60 & done; wait",
}


@pytest.mark.parametrize("script", EXCESSES.values(), ids=EXCESSES)
async def test_excess_is_held(site: Site, script: str) -> None:
    bounds = Bounds(
        memory_bytes=200 * MIB,
        file_bytes=8 * MIB,
        tmp_bytes=8 * MIB,
        tasks=200,
        open_files=256,
    )
    done = await site.run(script, bounds)
    assert (
        done.receipt.ending is not Ending.EXITED or done.receipt.code != 0 or b"rror" in done.output
    )
    assert done.receipt.took_s < 40
    big = site.folder / "big"
    assert not big.exists() or big.stat().st_size <= bounds.file_bytes
    assert list(alive(str(site.folder))) == []
