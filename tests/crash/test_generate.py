"""kill -9 while a project is generated: nothing is lost, and nothing is done twice."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench import generate_story as story
from bench.generate_kills import Moment, Status, a_few, killed_at, moments
from bench.generate_story import DESCRIPTION, Made, compared
from jobs.generate.plan import VERIFY
from tests.crash.conftest import Site
from tests.support.api_client import POLL_S, Api
from tools.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.timeout(300)


@dataclass
class Making:
    """A project that is made by a product which is killed: see `bench.generate_kills.Mortal`."""

    site: Site
    api: Api
    project_id: str

    async def status(self) -> Status:
        return await self.api.ok("GET", f"/api/projects/generate/status/{self.project_id}")

    async def restart(self) -> None:
        self.site.kill()
        self.site.start()

    async def made(self, status: Status) -> Made:
        listing = await self.api.ok("GET", f"/api/projects/{self.project_id}/files")
        paths = [entry["path"] for entry in listing["files"] if entry["type"] == "file"]
        files = {
            path: await self.api.ok("GET", f"/api/projects/{self.project_id}/files/{path}")
            for path in paths
        }
        asked = f"/api/conversations/{status['conversationId']}/messages"
        listed: list[dict[str, Any]] = (await self.api.ok("GET", asked))["messages"]
        messages = [await self.api.message(each["messageId"]) for each in listed]
        return Made(status, files, messages)


@pytest.fixture
async def making(site: Site, api: Api) -> Making:
    begun = await api.ok("POST", "/api/projects/generate", {"description": DESCRIPTION})
    return Making(site, api, begun["projectId"])


@pytest.fixture
async def sandboxed(tmp_path: Path) -> AsyncIterator[None]:
    async with Sandbox(scratch=tmp_path) as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine offers no sandbox to run the project's commands in")
        yield


async def check_kills(making: Making, when: Sequence[Moment], *, seed: str) -> None:
    chance = random.Random(seed)  # noqa: S311 - moments, no secret
    kills, status = await killed_at(making, when, chance=chance)
    assert kills >= len(when) // 2, "it was over before it was killed"
    wrong = compared(await making.made(status))
    assert set(wrong.values()) == {0}, (wrong, status)


@pytest.mark.usefixtures("sandboxed")
async def test_a_project_is_whole_after_kills_in_a_call_and_in_a_check(making: Making) -> None:
    await check_kills(making, a_few(), seed="a few")


@pytest.mark.thorough
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("sandboxed")
async def test_a_project_is_whole_after_forty_kills(making: Making) -> None:
    assert len(moments()) == 40
    await check_kills(making, moments(), seed="forty")


@pytest.mark.thorough  # it takes what the reaper waits before it looks: a minute at most
@pytest.mark.usefixtures("sandboxed")
async def test_a_generation_ends_when_the_engine_has_lost_its_run(making: Making) -> None:
    in_the_checks = Moment(f"Starting {VERIFY}")
    while not in_the_checks.has_come(await making.status()):  # noqa: ASYNC110 - it is asked
        await asyncio.sleep(POLL_S)
    making.site.kill()
    for path in (making.site.folder / "data").glob("engine.sqlite*"):
        path.unlink()
    making.site.start()
    while (status := await making.status())["status"] == "processing":  # noqa: ASYNC110
        await asyncio.sleep(1)
    assert (status["status"], status["errorCode"]) == ("failed", "run_lost")
    files = (await making.made(status)).files
    assert set(files) == set(story.files())
    again = {"projectId": making.project_id}
    await making.api.ok("POST", "/api/projects/generate", again)
    while (status := await making.status())["status"] == "processing":  # noqa: ASYNC110
        await asyncio.sleep(1)
    assert (status["status"], status["verification"]["state"]) == ("completed", "verified")


async def test_a_cancelled_generation_stays_cancelled_after_a_kill(making: Making) -> None:
    while len((await making.status())["events"]) < 8:  # noqa: ASYNC110 - it is asked
        await asyncio.sleep(POLL_S)
    cancel = {"projectId": making.project_id}
    await making.api.ok("POST", "/api/projects/generate/cancel", cancel)
    before = await making.status()
    await making.restart()
    await asyncio.sleep(1.0)  # time in which a run that was not ended would write
    assert await making.status() == before
    assert before["status"] == "cancelled"
