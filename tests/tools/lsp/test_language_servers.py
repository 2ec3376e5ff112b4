"""Sessions: shared, ended when unused, started again when dead, in whatever wraps them."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.tools.attacks.test_lsp import PROGRAM
from tests.tools.lsp.bench import STRICT, bench, put
from tools.lsp.errors import ServerFailed
from tools.lsp.language_servers import LanguageServers
from tools.lsp.servers import NoServer, Server, server_of
from tools.lsp.session import Session, Times
from tools.place import Place, Provided
from tools.workspace.disk import DiskWorkspace
from tools.workspace.port import RelPath

PATH = RelPath("a.fake")
CLEAN = "No diagnostics found for a.ts."
FILES = {"tsconfig.json": STRICT, "a.ts": "export const a: number = 1;\n"}


def fake(mode: str = "rightly", **more: object) -> Server:
    command = (sys.executable, "-S", str(PROGRAM), mode)
    return Server.model_validate(
        {"name": mode, "command": command, "languages": {".fake": "fake"}, **more}
    )


async def nothing(session: Session) -> Session:
    return session


async def until(happened: Callable[[], bool]) -> None:
    """Give the sweeper its turns."""
    while not happened():  # noqa: ASYNC110 - processes and the sweeper give no event
        await asyncio.sleep(0.02)


def children() -> list[psutil.Process]:
    """The language servers, ours and the fake one; tests before may have left other processes."""
    found: list[psutil.Process] = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if {"--lsp", str(PROGRAM)} & set(process.cmdline()):
                found.append(process)
    return found


async def test_a_server_that_was_killed_is_started_again(tmp_path: Path) -> None:
    async with bench(tmp_path, FILES) as lsp:
        for _ in range(2):
            assert await lsp.ok("getDiagnostics", path="a.ts") == CLEAN
            servers = children()
            for process in servers:
                with suppress(psutil.NoSuchProcess):  # one inside the sandbox goes with the other
                    process.kill()
            assert servers
        assert await lsp.ok("getDiagnostics", path="a.ts") == CLEAN


async def test_a_folder_has_one_session_for_all_calls_and_another_folder_its_own(
    tmp_path: Path,
) -> None:
    for name in ("one", "two"):
        put(tmp_path / name, {"a.fake": "x"})
    async with LanguageServers(servers=[fake()]) as servers:
        one = await servers.use(tmp_path / "one", PATH, nothing)
        assert await servers.use(tmp_path / "one", PATH, nothing) is one
        assert await servers.use(tmp_path / "two", PATH, nothing) is not one
        assert servers.running == 2
    assert children() == []


async def test_a_session_starts_in_the_nearest_folder_with_a_marker(tmp_path: Path) -> None:
    put(tmp_path, {"m/mark": "", "m/deep/a.fake": "", "n/a.fake": "", "m/b.fake": ""})
    async with LanguageServers(servers=[fake(root_markers=["mark"])]) as servers:
        paths = ["m/deep/a.fake", "m/b.fake", "n/a.fake"]
        sessions = [await servers.use(tmp_path, RelPath(path), nothing) for path in paths]
        assert sessions[0] is sessions[1]
        assert sessions[2] is not sessions[0]
        assert {each.root for each in sessions} == {tmp_path}


async def test_one_that_nobody_uses_is_ended(tmp_path: Path) -> None:
    put(tmp_path, {"a.fake": "x"})
    async with LanguageServers(servers=[fake()], times=Times(idle_s=0.05)) as servers:
        await servers.use(tmp_path, PATH, nothing)  # and may have been ended by now
        async with asyncio.timeout(20):
            await until(lambda: servers.running == 0)
            await until(lambda: children() == [])


async def test_one_whose_folder_is_gone_is_ended(tmp_path: Path) -> None:
    put(tmp_path / "p", {"a.fake": "x"})
    async with LanguageServers(servers=[fake()], times=Times(idle_s=60.0), sweep_s=0.02) as servers:
        await servers.use(tmp_path / "p", PATH, nothing)
        (tmp_path / "p").rename(tmp_path / "q")
        async with asyncio.timeout(20):
            await until(lambda: servers.running == 0)


async def test_the_one_unused_for_longest_makes_room_and_a_busy_one_does_not(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        put(folder, {"a.fake": "x"})
    async with LanguageServers(servers=[fake()], max_sessions=2) as servers:
        one = await servers.use(folders[0], PATH, nothing)
        await servers.use(folders[1], PATH, nothing)
        assert await servers.use(folders[0], PATH, nothing) is one
        await servers.use(folders[2], PATH, nothing)
        assert servers.running == 2
        assert await servers.use(folders[0], PATH, nothing) is one

        async def refused_meanwhile(_: Session) -> None:
            with pytest.raises(ServerFailed, match="All 2 language servers of this worker are bus"):
                await servers.use(folders[2], PATH, both_busy)

        async def both_busy(_: Session) -> None:
            await servers.use(folders[1], PATH, nothing)

        await servers.use(folders[0], PATH, refused_meanwhile)


async def test_calls_wait_for_each_other_for_a_bounded_time(tmp_path: Path) -> None:
    put(tmp_path, {"a.fake": "x"})
    async with LanguageServers(servers=[fake()], times=Times(turn_s=0.05)) as servers:

        async def again(_: Session) -> None:
            await servers.use(tmp_path, PATH, nothing)

        with pytest.raises(ServerFailed, match="is busy with other calls"):
            await servers.use(tmp_path, PATH, again)
        assert await servers.use(tmp_path, PATH, nothing)


async def test_a_wrap_says_how_a_program_is_started_and_with_which_environment(
    tmp_path: Path,
) -> None:
    asked: list[tuple[Sequence[str], Path]] = []

    def wrap(argv: Sequence[str], folder: Path) -> tuple[Sequence[str], Mapping[str, str]]:
        asked.append((argv, folder))
        return ["/usr/bin/env", "INSIDE=1", *argv], {"PATH": "/usr/bin:/bin"}

    files = {"a.fake": "x"}
    async with bench(tmp_path, files, servers=[fake("environment")], wrap=wrap) as lsp:
        text = await lsp.ok("getDiagnostics", path="a.fake")
        assert "INSIDE" in text
        assert "HOME" not in text
    assert asked == [([sys.executable, "-S", str(PROGRAM), "environment"], tmp_path)]


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with LanguageServers():
            raise KeyError


async def test_a_place_without_servers_or_without_a_disk_says_so(tmp_path: Path) -> None:
    async with bench(tmp_path, FILES) as lsp:
        files = DiskWorkspace(tmp_path)
        lsp.place = Place(files, folder=tmp_path)
        assert "There are no language servers here." in await lsp.refused(
            "hover", path="a.ts", line=1
        )
        lsp.place = Place(files, need=Provided(lsp.servers))
        assert "need the files on a disk" in await lsp.refused("hover", path="a.ts", line=1)


def test_the_first_server_of_the_table_that_knows_a_suffix_is_taken() -> None:
    table = [fake(), fake("hang")]
    assert server_of(table, RelPath("x/Y.FAKE")).name == "rightly"
    with pytest.raises(NoServer, match=r"No language server knows a\.b: .* \.fake\. Search"):
        server_of(table, RelPath("a.b"))
