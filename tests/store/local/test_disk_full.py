import asyncio
import resource
from pathlib import Path

import pytest

from tests.store.local.api import Api, serving

pytestmark = pytest.mark.timeout(30)


async def add(api: Api, rank: int) -> tuple[int, object]:
    body = {"path": "notes:add", "args": {"list": "a", "rank": rank, "text": "x" * 50_000}}
    return await api.post("/api/mutation", body)


async def test_a_full_disk_is_a_503_loses_nothing_and_passes(tmp_path: Path) -> None:
    """No file of the process may grow past 2 MiB for a while: the same errors as of a full disk."""
    async with serving("basic", tmp_path / "data.sqlite") as (convex, api):
        unlimited = resource.prlimit(convex.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(convex.pid, resource.RLIMIT_FSIZE, (2 << 20, unlimited[1]))
        acknowledged = 0
        async with asyncio.timeout(20):
            while True:
                status, reply = await add(api, acknowledged)
                if status != 200:
                    break
                acknowledged += 1
        assert status == 503
        assert isinstance(reply, dict)
        assert reply["code"] == "InternalServerError"
        assert len(await api.query("notes:ranked", list="a")) == min(acknowledged, 100)
        job = {"path": "jobs:schedule", "args": {"delayMs": 0, "name": "x" * 500_000}}
        assert (await api.post("/api/mutation", job))[0] == 503
        resource.prlimit(convex.pid, resource.RLIMIT_FSIZE, unlimited)
        assert (await add(api, acknowledged))[0] == 200
        assert len(await api.query("notes:ranked", list="a")) == min(acknowledged + 1, 100)
