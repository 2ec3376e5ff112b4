"""Projects that are cancelled, fail, are gone on with, or outlive their worker."""

import asyncio

import pytest

from core.errors import Conflict, NotFound, Refused
from core.ids import OwnerId, ProjectId
from jobs.events import engine_event
from jobs.generate.plan import STEPS
from llm.faults import BudgetSpent
from llm.model import ModelRequest, Turn
from store.records import MessageStatus
from tests.jobs.generate.site import FILES, Author, Site, has_written, part_asked
from tests.support.scripted_turns import call, calls, says

pytestmark = pytest.mark.timeout(120)

WHOLE = {path: text for files in FILES.values() for path, text in files.items()}
CONFIG = FILES["config"]


class Failing(Author):
    """Has no credit left when the pages are asked for."""

    def _reply(self, request: ModelRequest) -> Turn:
        if part_asked(request) == "pages":
            raise BudgetSpent("no credit")
        return super()._reply(request)


class Keeping(Author):
    """Finds that only the pages have to change."""

    def _reply(self, request: ModelRequest) -> Turn:
        if has_written(request):
            return says("It is as it should be.")
        if part_asked(request) != "pages":
            return calls(call("r", "readFile", path="package.json"))
        text = "export const Home = 2;\n"
        path = "src/pages/Home.js"
        read = call("r", "readFile", path=path)
        return calls(read, call("w", "writeFile", path=path, content=text))


async def hanging(site: Site, turn: int) -> Author:
    site.model = author = Author(hang_in_turn=turn)
    return author


@pytest.mark.parametrize("by", ["generation", "project", "answer"])
async def test_a_cancel_stops_it_at_once_and_keeps_what_is_made(site: Site, by: str) -> None:
    author = await hanging(site, 2)  # the first turn of the second part
    store, owner = site.store, site.owner
    async with site.worker() as engine:
        requested, run_id = await site.request(engine)
        project_id = requested.generation.project_id
        await author.hanging.wait()
        current = await store.generating.latest(project_id, owner=owner)
        assert current is not None
        assert current.message_id is not None
        if by == "generation":
            events = await store.generating.cancel(project_id, owner=owner)
        elif by == "project":
            events = (await store.messages.cancel_project(project_id, owner=owner)).events
        else:
            events = (await store.messages.cancel(current.message_id, owner=owner)).events
        for event in events:
            await engine.send(engine_event(event))
        info = await engine.wait(run_id, 30)
    assert info.status == "cancelled"
    ended = await site.ended(project_id)
    assert (ended.status, ended.steps) == (MessageStatus.CANCELLED, (STEPS[0].name,))
    message = await store.messages.owned(current.message_id, owner=owner)
    assert message.status is MessageStatus.CANCELLED
    assert await site.files(project_id) == CONFIG
    assert (await site.log(project_id))[-1] == ("info", "Generation cancelled")
    assert await store.generating.cancel(project_id, owner=owner) == ()


async def test_a_deleted_project_stops_its_generation(site: Site) -> None:
    author = await hanging(site, 2)
    async with site.worker() as engine:
        requested, run_id = await site.request(engine)
        await author.hanging.wait()
        project_id = requested.generation.project_id
        for event in await site.store.projects.delete(project_id, owner=site.owner):
            await engine.send(engine_event(event))
        assert (await engine.wait(run_id, 30)).status == "cancelled"
    with pytest.raises(NotFound):
        await site.store.generating.latest(project_id, owner=site.owner)


async def test_a_failure_says_why_and_going_on_makes_only_what_is_missing(site: Site) -> None:
    site.model = Failing()
    async with site.worker() as engine:
        failed = await site.made(engine)
    assert (failed.status, failed.error_code) == (MessageStatus.FAILED, "model_budget_spent")
    assert failed.steps == tuple(step.name for step in STEPS[:3])
    kind, message = (await site.log(failed.project_id))[-1]
    assert (kind, message) == ("error", f"generate-pages failed: {failed.error}")
    site.model = author = Author()
    async with site.worker() as engine:
        ended = await site.made(engine, project_id=failed.project_id, description=None, stack=None)
    assert ended.status is MessageStatus.COMPLETED
    assert ended.conversation_id == failed.conversation_id
    asked = [part_asked(each) for each in author.requests if not has_written(each)]
    assert asked == [step.part for step in STEPS[3:]]
    assert await site.files(failed.project_id) == WHOLE


async def test_another_description_asks_for_every_part_again_and_keeps_what_is_there(
    site: Site,
) -> None:
    async with site.worker() as engine:
        first = await site.made(engine)
    site.model = Keeping()
    async with site.worker() as engine:
        again = await site.made(
            engine, project_id=first.project_id, description="A ledger with debts in euros."
        )
    assert again.status is MessageStatus.COMPLETED
    asked = [part_asked(each) for each in site.model.requests if not has_written(each)]
    assert asked == [step.part for step in STEPS]
    assert "in euros" in site.model.requests[-1].system
    assert "keep what is good" in site.model.requests[-1].system
    changed = {"src/pages/Home.js": "export const Home = 2;\n"}
    assert await site.files(first.project_id) == WHOLE | changed
    written = [message for kind, message in await site.log(first.project_id) if kind == "file"]
    assert written[len(WHOLE) :] == ["Wrote src/pages/Home.js"]


@pytest.mark.parametrize("turn", [0, 3, 15])
async def test_another_worker_goes_on_where_the_first_was_stopped(site: Site, turn: int) -> None:
    author = await hanging(site, turn)
    async with site.worker() as engine:
        requested, run_id = await site.request(engine)
        await author.hanging.wait()
    author.hang_in_turn = None
    async with site.worker() as engine:
        await engine.wait(run_id, 60)
    project_id = requested.generation.project_id
    assert (await site.ended(project_id)).status is MessageStatus.COMPLETED
    assert len(author.requests) == 2 * len(STEPS) + 1, "only the interrupted turn is made again"
    assert await site.files(project_id) == WHOLE
    written = [message for kind, message in await site.log(project_id) if kind == "file"]
    assert sorted(written) == sorted(f"Created {path}" for path in WHOLE)


async def test_a_project_is_generated_once_at_a_time(site: Site) -> None:
    author = await hanging(site, 0)
    async with site.worker() as engine:
        requested, _ = await site.request(engine)
        await author.hanging.wait()
        project_id = requested.generation.project_id
        with pytest.raises(Conflict, match="being generated already"):
            await site.request(engine, project_id=project_id)
        both = await asyncio.gather(
            *(
                site.store.generating.request(
                    owner=site.owner, name="x", project_id=project_id, key=f"key-{n}"
                )
                for n in range(2)
            ),
            return_exceptions=True,
        )
        assert [type(each) for each in both] == [Conflict, Conflict]


async def test_one_key_makes_one_project(site: Site) -> None:
    given = {"owner": site.owner, "name": "Ledger", "description": "d" * 20, "stack": "next"}
    first, second = await asyncio.gather(
        *(site.store.generating.request(**given, key="once") for _ in range(2))  # pyright: ignore[reportArgumentType]
    )
    assert first.generation == second.generation
    assert {first.is_duplicate, second.is_duplicate} == {True, False}


@pytest.mark.parametrize(
    ("description", "code"),
    [("", "no_description"), (" \n ", "no_description"), ("d" * 100_001, "description_too_long")],
    ids=["empty", "blank", "too long"],
)
async def test_a_bad_description_makes_no_project(site: Site, description: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        await site.store.generating.request(
            owner=site.owner, name="x", description=description, stack="next"
        )
    assert refused.value.code == code
    assert (await site.store.projects.list(owner=site.owner)).items == ()


async def test_a_description_of_100_000_characters_is_told_whole_in_every_step(site: Site) -> None:
    description = "Ledger of débts. " * 5_882 + "The end."
    async with site.worker() as engine:
        ended = await site.made(engine, description=description[-100_000:])
    assert ended.status is MessageStatus.COMPLETED
    assert all("The end." in request.system for request in site.model.requests)


async def test_a_strangers_project_is_not_there(site: Site) -> None:
    project = await site.store.projects.create(owner=site.owner, name="mine")
    stranger = OwnerId("stranger")
    for attempt in (
        site.store.generating.latest(project.project_id, owner=stranger),
        site.store.generating.cancel(project.project_id, owner=stranger),
        site.store.generating.request(
            owner=stranger, name="x", project_id=project.project_id, description="d" * 20
        ),
        site.store.generating.latest(ProjectId("x"), owner=stranger),
    ):
        with pytest.raises(NotFound):
            await attempt
