import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil
import pytest

from core.node import NODE
from embedded_convex.process import MAIN, ConvexNotRunning, EmbeddedConvex
from embedded_convex.supervised import supervised
from tests.embedded_convex.api import FIXTURES, serving

pytestmark = pytest.mark.timeout(30)


async def spawn(data: Path, *flags: str, stderr: int | None = None) -> asyncio.subprocess.Process:
    arguments = ["--dir", str(FIXTURES / "basic"), "--data", str(data), *flags]
    return await asyncio.create_subprocess_exec(
        NODE,
        "--disable-warning=ExperimentalWarning",
        MAIN,
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=stderr,
    )


async def test_it_says_one_line_when_ready_and_ends_on_sigterm_with_nothing_left(
    tmp_path: Path,
) -> None:
    process = await spawn(tmp_path / "sub" / "data.sqlite")
    assert process.stdout is not None
    assert set(json.loads(await process.stdout.readline())) == {"url", "site"}
    process.terminate()
    assert await process.stdout.read() == b""
    assert await process.wait() == 0
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["data.sqlite"]


async def test_it_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    process = await spawn(tmp_path / "data.sqlite", "--exit-with-stdin")
    assert process.stdout is not None
    assert process.stdin is not None
    await process.stdout.readline()
    process.stdin.close()
    assert await process.wait() == 0


async def test_leaving_the_context_ends_the_process(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "data.sqlite") as (convex, api):
        assert await api.query("notes:echo", value=1) == 1
        pid = convex.pid
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)


async def test_leaving_the_context_after_a_crash_is_fine(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "data.sqlite") as (convex, _):
        os.kill(convex.pid, signal.SIGKILL)
        assert await convex.wait() == -signal.SIGKILL


async def test_one_that_is_supervised_comes_back_at_both_addresses(tmp_path: Path) -> None:
    made: list[EmbeddedConvex] = []

    def make(port: int, site_port: int) -> EmbeddedConvex:
        folder, data = FIXTURES / "basic", tmp_path / "data.sqlite"
        made.append(
            EmbeddedConvex(folder, data, admin_key="", env={}, port=port, site_port=site_port)
        )
        return made[-1]

    async with supervised(make, 0) as url, aiohttp.ClientSession() as http:
        site_url = made[0].site_url
        os.kill(made[0].pid, signal.SIGKILL)
        await made[0].wait()
        async with asyncio.timeout(20):
            for address in (f"{url}/version", f"{site_url}/echo/a"):
                while True:
                    with suppress(aiohttp.ClientError):
                        async with http.get(address) as response:
                            assert response.status == 200
                            break
                    await asyncio.sleep(0.05)
    assert made[1].site_url == site_url


async def test_a_stopped_process_is_still_ended(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "data.sqlite") as (convex, _):
        os.kill(convex.pid, signal.SIGSTOP)
        os.kill(convex.pid, signal.SIGCONT)
    assert not psutil.pid_exists(convex.pid)


async def test_a_folder_that_is_missing_and_a_port_in_use_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConvexNotRunning, match="there is no folder"):
        async with serving(tmp_path / "none", tmp_path / "data.sqlite"):
            pass
    async with serving("basic", tmp_path / "data.sqlite") as (convex, _):
        port = int(convex.url.rsplit(":", 1)[1])
        other = EmbeddedConvex(
            FIXTURES / "basic", tmp_path / "other.sqlite", admin_key="", env={}, port=port
        )
        with pytest.raises(ConvexNotRunning, match=f"port {port} cannot be used"):
            async with other:
                pass


async def test_nobody_is_admin_without_a_key(tmp_path: Path) -> None:
    convex = EmbeddedConvex(FIXTURES / "basic", tmp_path / "data.sqlite", admin_key="", env={})
    async with convex:
        body = {"path": "notes:secret", "args": {"value": 1}}
        headers = {"Authorization": "Convex "}
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{convex.url}/api/query", json=body, headers=headers) as response,
        ):
            assert response.status == 401


async def test_a_function_that_loops_for_ever_is_named_and_ends_the_process(tmp_path: Path) -> None:
    data = tmp_path / "data.sqlite"
    process = await spawn(data, "--stuck-after", "1", stderr=PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    url = json.loads(await process.stdout.readline())["url"]
    no_arguments: dict[str, object] = {}
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientError):
            await http.post(
                f"{url}/api/mutation", json={"path": "runtime:loop", "args": no_arguments}
            )
    assert await process.wait() == -signal.SIGKILL
    assert b"runtime:loop has kept the thread busy" in await process.stderr.read()
    async with serving("basic", data) as (_, api):
        assert await api.query("runtime:kinds", kind="loop") == []
