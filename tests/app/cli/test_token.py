"""`polaris token`: printed, made void, refused where it is not the local user's."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.support.api_client import api_at
from tests.support.product import environment, running

pytestmark = pytest.mark.timeout(120)


def token(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "app.main", "token", *command],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def status(url: str, bearer: str) -> int:
    async with api_at(url, "local", bearer) as api:
        return (await api.call("GET", "/api/projects")).status


async def test_a_renewed_token_makes_all_before_it_void(tmp_path: Path) -> None:
    env = environment(POLARIS_DATA_DIR=str(tmp_path / "data"), POLARIS_GRACE_S="0.5")
    with running(["dev", "--port", "0"], folder=tmp_path, env=env) as first:
        old: str = first.ready["token"]
        refused = await asyncio.to_thread(token, "renew", env=env)
        assert refused.returncode == 1
        assert "stop it first" in refused.stderr
        shown = json.loads((await asyncio.to_thread(token, env=env)).stdout)["token"]
        assert await status(first.ready["api"], shown) == 200
    new = json.loads((await asyncio.to_thread(token, "renew", env=env)).stdout)["token"]
    with running(["dev", "--port", "0"], folder=tmp_path, env=env) as second:
        for bearer, expected in ((old, 401), (shown, 401), (new, 200)):
            assert await status(second.ready["api"], bearer) == expected
        await check_that_the_origin_outlives_its_convex(second.ready["api"], second.process.pid)


async def check_that_the_origin_outlives_its_convex(url: str, pid: int) -> None:
    """A socket is told to come back, and the same address works again."""
    async with api_at(url, "local", "") as api:
        async with api.session.ws_connect("/convex/api/1.0.0/sync") as socket:
            children = psutil.Process(pid).children(recursive=True)
            (convex,) = [it for it in children if any("main.ts" in word for word in it.cmdline())]
            convex.kill()
            message = await socket.receive(20)
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 1012
        while (answer := await api.call("GET", "/convex/version")).status != 200:
            assert (answer.status, answer.body["code"]) == (503, "unavailable")
            await asyncio.sleep(0.05)


def test_with_an_issuer_there_is_no_local_token() -> None:
    env = environment(POLARIS_AUTH_ISSUER="https://login.example")
    refused = token(env=env)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "POLARIS_AUTH_ISSUER" in refused.stderr
