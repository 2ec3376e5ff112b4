import asyncio
import logging
import resource
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from core.node import NODE
from embedded_convex.process import EmbeddedConvex
from tests.embedded_convex.api import Api, serving

pytestmark = pytest.mark.timeout(30)


async def add(api: Api, rank: int) -> tuple[int, object]:
    body = {"path": "notes:add", "args": {"list": "a", "rank": rank, "text": "x" * 50_000}}
    return await api.post("/api/mutation", body)


@contextmanager
def full_disk(convex: EmbeddedConvex) -> Generator[None]:
    """No file of the process may grow past 2 MiB: the same errors as of a full disk."""
    unlimited = resource.prlimit(convex.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(convex.pid, resource.RLIMIT_FSIZE, (2 << 20, unlimited[1]))
    yield
    resource.prlimit(convex.pid, resource.RLIMIT_FSIZE, unlimited)


async def fill(api: Api) -> tuple[int, object]:
    """Add until it fails: how many were acknowledged, and the answer to the first that was not."""
    acknowledged = 0
    async with asyncio.timeout(20):
        while True:
            status, reply = await add(api, acknowledged)
            if status != 200:
                assert status == 503
                return acknowledged, reply
            acknowledged += 1


async def test_a_full_disk_is_a_503_loses_nothing_and_passes(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "data.sqlite") as (convex, api):
        with full_disk(convex):
            acknowledged, reply = await fill(api)
            assert isinstance(reply, dict)
            assert reply["code"] == "InternalServerError"
            assert len(await api.query("notes:ranked", list="a")) == min(acknowledged, 100)
            job = {"path": "jobs:schedule", "args": {"delayMs": 0, "name": "x" * 500_000}}
            assert (await api.post("/api/mutation", job))[0] == 503
        assert (await add(api, acknowledged))[0] == 200
        assert len(await api.query("notes:ranked", list="a")) == min(acknowledged + 1, 100)


class LineSeen(logging.Handler):
    """Set once a line of the log of the embedded Convex holds a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.event = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._text in getattr(record, "line", ""):
            self.event.set()


@pytest.mark.parametrize("language", ["ts", "py"])
async def test_an_official_client_waits_until_the_disk_has_room(
    tmp_path: Path, language: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="embedded_convex.process")
    program = Path(__file__).with_name(f"official_client.{language}")
    refused = LineSeen("a session is closed")
    logger = logging.getLogger("embedded_convex.process")
    async with serving("basic", tmp_path / "data.sqlite") as (convex, api):
        with full_disk(convex):
            await fill(api)
            logger.addHandler(refused)
            client = await asyncio.create_subprocess_exec(
                {"ts": NODE, "py": sys.executable}[language],
                *(program, convex.url),
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                async with asyncio.timeout(15):
                    await refused.event.wait()
            except TimeoutError:
                client.kill()
                raise
            finally:
                logger.removeHandler(refused)
        try:
            assert client.stdout is not None
            async with asyncio.timeout(15):
                assert await client.stdout.readline() == b"stored\n"
        finally:
            with suppress(ProcessLookupError):
                client.kill()
            await client.wait()
        assert len(await api.query("notes:ranked", list="official")) == 1
