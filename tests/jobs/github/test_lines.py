"""A line to GitHub that is slow, or breaks: the import goes on, or ends in words."""

from random import Random

import pytest

from jobs.events import engine_event
from tests.jobs.github.site import Site
from tests.support.github import File

pytestmark = pytest.mark.timeout(120)

DATA = Random(1).randbytes(400_000)  # noqa: S311 - the same each time; it does not get smaller
FILES = [File(b"large.bin", DATA), *(File(b"f%d" % n, b"%d\n" % n) for n in range(150))]


@pytest.fixture
def repository(site: Site) -> str:
    site.github.repositories.make("octo/line")
    site.github.repositories.commit("octo/line", FILES)
    return "octo/line"


async def test_a_fetch_that_breaks_off_is_made_again_and_nothing_is_lost(
    site: Site, repository: str
) -> None:
    site.github.line.breaks = [100_000]
    project_id, ended = await site.imported(repository)
    assert (ended.status, ended.error, ended.done) == ("completed", None, len(FILES))
    packs = [each for each in site.github.asked if each.endswith("/git-upload-pack")]
    assert (len(packs), site.github.line.breaks) == (2, [])  # one that broke off, and another
    found = await site.files(project_id)
    assert {path: it.data for path, it in found.items()} == {
        file.path.decode(): file.data for file in FILES
    }


async def test_an_import_over_a_slow_line_arrives(site: Site, repository: str) -> None:
    site.github.line.bytes_per_s = 800_000
    _, ended = await site.imported(repository)
    assert (ended.status, ended.done) == ("completed", len(FILES))


async def test_a_cancel_does_not_wait_for_a_slow_line(site: Site, repository: str) -> None:
    site.github.line.bytes_per_s = 1_000  # 400 s for all of it
    async with site.worker() as engine:
        project_id = await site.ask_import(engine, repository)
        await site.transfer_once(project_id, lambda it: it.phase == "fetching")
        stopped = await site.store.transfers.cancel(project_id, owner=site.owner, kind="import")
        for event in stopped.events:
            await engine.send(engine_event(event))
        ended = await site.ended(project_id)
    assert ended.status == "cancelled"
    await site.emptied(project_id)


@pytest.mark.thorough
async def test_a_line_that_always_breaks_ends_in_words(site: Site, repository: str) -> None:
    site.github.line.breaks = [100_000] * 100
    project_id, ended = await site.imported(repository)
    assert (ended.status, ended.error_code) == ("failed", "github_unavailable")
    assert "GitHub could not be reached, or broke off" in (ended.error or "")
    await site.emptied(project_id)
