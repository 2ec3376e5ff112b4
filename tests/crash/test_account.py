"""kill -9 while an account is deleted, at any moment: it is deleted all the same."""

import asyncio

import pytest

from tests.crash.conftest import Site
from tests.support.api_client import Api
from tests.support.traces import traces
from tests.support.waiting import until_answered

pytestmark = pytest.mark.timeout(180)

MARKER = "a-marker-of-the-deleted"
CONFIRM = {"confirm": "delete my account"}
LATE_S = [0.2 * number for number in range(2, 8)] + [4.0, 11.8, 12.0, 12.2]


async def asked_for(api: Api) -> None:
    for number in range(3):
        project = await api.project(f"{MARKER} {number}")
        await api.ok("PUT", f"/api/projects/{project}/files/count.txt", data=MARKER.encode())
        await api.send(await api.conversation(project), f"{MARKER}: change the count")
    assert (await api.call("DELETE", "/api/account", CONFIRM)).status == 202


async def check(site: Site, api: Api) -> None:
    async def is_deleted() -> bool:
        return "deletionRequestedAt" not in await api.ok("GET", "/api/account")

    await until_answered(is_deleted, timeout_s=120)
    assert await api.ok("GET", "/api/projects") == {"projects": []}
    site.kill()
    assert traces(site.folder / "data", [MARKER]) == []


@pytest.mark.thorough  # one kill of a deletion is among the tests of accounts
@pytest.mark.parametrize("delay_s", [0.0, 0.2, *LATE_S])
async def test_an_account_is_deleted_after_a_kill(site: Site, api: Api, delay_s: float) -> None:
    await asked_for(api)
    await asyncio.sleep(delay_s)
    site.kill()
    site.start()
    await check(site, api)
