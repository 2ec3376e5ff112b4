"""A cancel at any moment: the run ends, what it started is dead, and what is made stays."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from core.ids import ProjectId, new_id
from engine import Engine
from jobs.events import engine_event
from jobs.generate.plan import STEPS
from store.records import MessageStatus
from tests.jobs.generate.site import FILES, Author, Site, thorough
from tools.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.timeout(120)

INSTALLING, BUILDING, MENDING = "while packages are installed", "while it is built", "in a repair"
DEAD_S = 30.0


class Hanging(Author):
    """Makes a project whose installation or build starts processes that never end."""

    def __init__(self, moment: str, mark: str) -> None:
        super().__init__()
        hangs = f"node hang.js {mark}"
        scripts = {
            INSTALLING: {"preinstall": hangs},
            BUILDING: {"build": hangs},
            MENDING: {"build": "false"},
        }
        manifest = {"name": "hangs", "private": True, "scripts": scripts[moment]}
        if moment == INSTALLING:
            manifest |= {"dependencies": {"own": "file:./own"}}
        self.files = FILES | {
            "config": {
                "package.json": json.dumps(manifest),
                "own/package.json": json.dumps({"name": "own", "version": "1.0.0"}),
                "hang.js": HANG,
            }
        }
        if moment == MENDING:
            self.hang_in_turn = 2 * len(STEPS)


HANG = """\
const { spawn } = require('child_process');
process.on('SIGTERM', () => {});
spawn('sleep', ['1000'], { argv0: process.argv[2], detached: true, stdio: 'ignore' });
setInterval(() => {}, 1000);
"""


def marked(mark: str) -> list[str]:
    """The programs with this mark among their words."""
    return [
        str(process.info["name"])
        for process in psutil.process_iter(["cmdline", "name"])
        if any(mark in word for word in process.info["cmdline"] or ())
    ]


@pytest.fixture
async def installing(site: Site, tmp_path: Path) -> AsyncIterator[Site]:
    """With a registry allowed, which nobody asks: `npm install` is run."""
    async with Sandbox(scratch=tmp_path, registries=("127.0.0.1:9",)) as sandbox:
        yield replace(site, sandbox=sandbox)


async def cancel(site: Site, engine: Engine, project_id: ProjectId) -> None:
    for event in await site.store.generating.cancel(project_id, owner=site.owner):
        await engine.send(engine_event(event))


@pytest.mark.parametrize("moment", [INSTALLING, thorough(BUILDING), thorough(MENDING)])
async def test_a_cancel_in_the_checks_leaves_files_and_no_process(
    installing: Site, moment: str
) -> None:
    site, mark = installing, new_id("mark")
    if not site.sandbox.has_network:
        pytest.skip("this machine offers no sandbox with a way to registries")
    author = Hanging(moment, mark)
    site.model = author
    async with site.worker() as engine:
        requested, run_id = await site.request(engine)
        project_id = requested.generation.project_id
        if moment == MENDING:
            await author.hanging.wait()
        else:
            await until_started(mark)
        before = await site.files(project_id)
        await cancel(site, engine, project_id)
        assert (await engine.wait(run_id, 60)).status == "cancelled"
        async with asyncio.timeout(DEAD_S):
            while marked(mark):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    ended = await site.ended(project_id)
    assert (ended.status, ended.verification) == (MessageStatus.CANCELLED, None)
    assert await site.files(project_id) == before
    assert set(before) >= {"package.json", "README.md"}
    assert (await site.log(project_id))[-1] == ("info", "Generation cancelled")
    assert list(site.sandbox.scratch.glob("verify-*")) == []


async def until_started(mark: str) -> None:
    """Wait for the script and the process that left its session."""
    async with asyncio.timeout(60):
        while "sleep" not in marked(mark):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_cancel_before_the_run_begins_leaves_an_empty_project(site: Site) -> None:
    async with site.worker() as engine:
        requested = await site.store.generating.request(
            owner=site.owner, name="Ledger", description="d" * 20, stack="next"
        )
        project_id = requested.generation.project_id
        await cancel(site, engine, project_id)
        started = await engine.send(engine_event(requested.events[0]))
        for run_id in started.run_ids:
            assert (await engine.wait(run_id, 60)).has_ended
    assert (await site.ended(project_id)).status is MessageStatus.CANCELLED
    assert await site.files(project_id) == {}
    assert site.model.requests == []


async def test_a_cancel_after_the_end_changes_nothing(site: Site) -> None:
    async with site.worker() as engine:
        made = await site.made(engine)
        await cancel(site, engine, made.project_id)
    assert await site.ended(made.project_id) == made
