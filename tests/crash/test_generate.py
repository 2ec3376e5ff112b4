"""kill -9 while a project is generated: nothing is lost, and nothing is done twice."""

import asyncio
from typing import Any

import pytest

from tests.crash.conftest import PARTS, Site
from tests.support.api_client import POLL_S, Api

pytestmark = pytest.mark.timeout(300)

WHOLE = {
    **{f"part-{number}.txt": b"edited\n" for number in range(1, PARTS + 1)},
    **{
        f"more/part-{number}.txt": f"more/part-{number}.txt\n".encode() * 50
        for number in range(1, PARTS + 1)
    },
}
CHANGES = 3 * PARTS


async def status_of(api: Api, project_id: str) -> dict[str, Any]:
    return await api.ok("GET", f"/api/projects/generate/status/{project_id}")


async def begun(api: Api) -> str:
    body = {"description": "A project of eight parts, each of two files"}
    return (await api.ok("POST", "/api/projects/generate", body))["projectId"]


async def check(api: Api, project_id: str) -> None:
    """Everything happened, and nothing twice."""
    while (status := await status_of(api, project_id))["status"] == "processing":  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)
    assert (status["status"], len(status["steps"])) == ("completed", PARTS), status
    files = {
        path: await api.ok("GET", f"/api/projects/{project_id}/files/{path}") for path in WHOLE
    }
    assert files == WHOLE
    lines = [event["message"] for event in status["events"] if event["type"] == "file"]
    created = sorted(f"Created {path}" for path in WHOLE)
    changed = sorted(f"Wrote part-{number}.txt" for number in range(1, PARTS + 1))
    assert sorted(lines) == sorted([*created, *changed])
    steps = [event["message"] for event in status["events"] if event["type"] == "step"]
    assert len(steps) == len(set(steps)), "no step begins or ends twice"


@pytest.mark.thorough
async def test_a_project_is_whole_after_kills_over_the_whole_job(site: Site, api: Api) -> None:
    """Each kill waits for another stretch of the log, so that they fall into different steps."""
    project_id = await begun(api)
    for lines in (1, 30):
        while True:
            status = await status_of(api, project_id)
            if len(status["events"]) >= lines or status["status"] != "processing":
                break
            await asyncio.sleep(POLL_S)
        site.kill()
        site.start()
    await check(api, project_id)


async def test_a_cancelled_generation_stays_cancelled_after_a_kill(site: Site, api: Api) -> None:
    project_id = await begun(api)
    while len((await status_of(api, project_id))["events"]) < 8:  # noqa: ASYNC110 - it is asked
        await asyncio.sleep(POLL_S)
    await api.ok("POST", "/api/projects/generate/cancel", {"projectId": project_id})
    before = await status_of(api, project_id)
    site.kill()
    site.start()
    await asyncio.sleep(1.0)  # time in which a run that was not ended would write
    assert await status_of(api, project_id) == before
    assert before["status"] == "cancelled"
