"""A generation whose run is gone does not stay `processing`, wherever the run was."""

from datetime import timedelta

import pytest

from core.clock import ManualClock, SystemClock
from engine import Engine
from jobs.reap_requests import GENERATION_LOST, RequestReaper
from jobs.reaping import ReapTimes
from store.records import MessageStatus, RequestedGeneration
from tests.jobs.generate.site import Site, thorough
from tests.jobs.generate.test_verification import Builder

pytestmark = pytest.mark.timeout(120)

WAITS = "if (!require('fs').existsSync('may-end')) setInterval(() => {}, 1000);\n"
ANSWERING, CHECKING, MENDING = (
    "while a part is written",
    "while it is checked",
    "while it is mended",
)


def lose_runs(site: Site) -> None:
    """As when the engine's database is lost, or given another name."""
    for path in site.folder.glob("engine.sqlite*"):
        path.unlink()


async def reap(site: Site, engine: Engine) -> None:
    clock = ManualClock(SystemClock().now() + timedelta(hours=1))
    await RequestReaper(site.store, engine.inspect, clock, ReapTimes()).sweep()


async def begun(site: Site, moment: str) -> RequestedGeneration:
    """A generation whose worker is gone at that moment; the request."""
    author = Builder(works=moment != MENDING)
    if moment == CHECKING:
        author.files = author.files | {"config": author.files["config"] | {"build.js": WAITS}}
    else:
        author.hang_in_turn = 2 if moment == ANSWERING else 16  # of eight parts two turns each
    site.model = author
    async with site.worker() as engine:
        requested, _ = await site.request(engine)
        if moment == CHECKING:
            await site.told(requested.generation.project_id, "Starting verify-project")
        else:
            await author.hanging.wait()
    for event in requested.events:
        await site.store.outbox.ack(event.event_id)
    return requested


@pytest.mark.parametrize("moment", [thorough(ANSWERING), CHECKING, thorough(MENDING)])
async def test_a_lost_run_ends_its_generation_which_can_be_gone_on_with(
    site: Site, moment: str
) -> None:
    if site.sandbox.kind is None and moment != ANSWERING:
        pytest.skip("this machine offers no sandbox")
    requested = await begun(site, moment)
    project_id = requested.generation.project_id
    files = await site.files(project_id)
    lose_runs(site)
    site.model = Builder(works=True, mends=True)
    async with site.worker() as engine:
        await reap(site, engine)
        lost = await site.store.generating.latest(project_id, owner=site.owner)
        assert lost is not None
        assert (lost.status, lost.error_code) == (MessageStatus.FAILED, "run_lost")
        assert lost.error == GENERATION_LOST
        assert lost.message_id is not None
        answer = await site.store.messages.owned(lost.message_id, owner=site.owner)
        assert answer.status is not MessageStatus.PROCESSING
        assert await site.files(project_id) == files
        assert (await site.log(project_id))[-1][0] == "error"
        await site.store.files.write(project_id, "may-end", b"", owner=site.owner)
        ended = await site.made(engine, project_id=project_id, description=None, stack=None)
    assert ended.status is MessageStatus.COMPLETED
    assert ended.steps[: len(lost.steps)] == lost.steps
    assert ended.verification is not None
    assert ended.verification.state == ("notVerified" if site.sandbox.kind is None else "verified")


async def test_a_run_that_goes_on_elsewhere_is_left_alone(site: Site) -> None:
    requested = await begun(site, ANSWERING)
    site.model.hang_in_turn = None
    async with site.worker() as engine:
        await reap(site, engine)
        ended = await site.ended(requested.generation.project_id)
    assert ended.status is MessageStatus.COMPLETED
