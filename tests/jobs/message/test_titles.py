"""A conversation that nobody has named gets its title beside its first answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from core.clock import SystemClock
from core.ids import RunId
from engine import Engine, SqliteDatabase
from jobs.events import TitleWanted, user_of
from jobs.message.title_conversation import title_conversation
from jobs.message.titles import MAX_CHARS, Titles, first_words
from llm.faults import ModelUnavailable
from llm.model import ModelRequest, TextPart
from tests.jobs.message.site import Site
from tests.support.scripted_turns import Reply, ScriptedTurns, says

pytestmark = pytest.mark.timeout(120)

ASKED = "please fix {the} login page, it ignores the password"


@dataclass
class Desk:
    """A conversation without a title, and what finds it one."""

    site: Site
    model: ScriptedTurns = field(default_factory=lambda: ScriptedTurns([says("Fix the login")]))

    @asynccontextmanager
    async def engine(self, titles: Titles | None = None) -> AsyncGenerator[Engine]:
        async with Engine(
            jobs=[title_conversation],
            database=SqliteDatabase(self.site.folder / "engine.sqlite"),
            provide=[self.site.store, titles or Titles(self.model)],
            grace_s=0.1,
        ) as engine:
            yield engine

    async def begin(self, text: str = ASKED) -> None:
        """A new conversation, with a message."""
        site = self.site
        made = await site.store.conversations.create(
            site.project_id, owner=site.owner, title="New conversation"
        )
        site.conversation_id = made.conversation_id
        await site.store.messages.send(
            site.conversation_id, owner=site.owner, content=text, policy="cancel"
        )

    async def start(self, engine: Engine) -> RunId:
        wanted = TitleWanted(conversation_id=self.site.conversation_id)
        sent = await engine.send(wanted, user=user_of(self.site.owner))
        return sent.run_ids[0]

    async def find(self, engine: Engine) -> str:
        """The title after a run."""
        await engine.wait(await self.start(engine), 60)
        return await self.title()

    async def until_titled(self, title: str) -> None:
        while True:
            if await self.title() == title:
                return
            await asyncio.sleep(0.05)

    async def title(self) -> str:
        site = self.site
        return (await site.store.conversations.owned(site.conversation_id, owner=site.owner)).title


@pytest.fixture
def desk(site: Site) -> Desk:
    return Desk(site)


def asked_of(request: ModelRequest) -> str:
    [message] = request.messages
    [part] = message.parts
    assert isinstance(part, TextPart)
    return part.text


async def test_the_relay_brings_it_without_anybody_waiting_for_it(desk: Desk) -> None:
    await desk.begin()
    async with desk.engine() as engine, asyncio.timeout(30), desk.site.relaying(engine):
        await desk.until_titled("Fix the login")
    assert asked_of(desk.model.requests[0]) == ASKED  # as it is: no template, nothing around it


async def test_the_model_is_not_asked_where_a_person_named_it(desk: Desk) -> None:
    await desk.begin()
    site = desk.site
    await site.store.conversations.rename(site.conversation_id, owner=site.owner, title="Mine")
    async with desk.engine() as engine:
        assert await desk.find(engine) == "Mine"
    assert desk.model.requests == []


async def test_a_person_who_names_it_while_the_model_thinks_is_right(desk: Desk) -> None:
    desk.model.hang_in_turn = 0
    await desk.begin()
    site = desk.site
    async with desk.engine(Titles(desk.model, wait_s=0.3)) as engine, asyncio.TaskGroup() as tasks:
        finding = tasks.create_task(desk.find(engine))
        await desk.model.hanging.wait()
        await site.store.conversations.rename(site.conversation_id, owner=site.owner, title="Mine")
        assert await finding == "Mine"


async def test_a_worker_that_goes_away_in_the_middle_is_followed_by_another(desk: Desk) -> None:
    desk.model.hang_in_turn = 0
    await desk.begin()
    async with desk.engine() as engine:
        run_id = await desk.start(engine)
        await desk.model.hanging.wait()
    async with desk.engine(Titles(ScriptedTurns([says("Fix the login")]))) as engine:
        await engine.wait(run_id, 60)
    assert await desk.title() == "Fix the login"


async def test_a_second_event_asks_nobody(desk: Desk) -> None:
    await desk.begin()
    async with desk.engine() as engine:
        assert await desk.find(engine) == "Fix the login"
        assert await desk.find(engine) == "Fix the login"
    assert len(desk.model.requests) == 1


async def test_a_deleted_conversation_is_let_be(desk: Desk) -> None:
    await desk.begin()
    site = desk.site
    await site.store.conversations.remove(site.conversation_id, owner=site.owner)
    async with desk.engine() as engine:
        run = await engine.wait(await desk.start(engine), 60)
    assert run.status == "completed"
    assert desk.model.requests == []


FROM_THE_MESSAGE = "please fix {the} login page, it"


@pytest.mark.parametrize(
    ("reply", "title"),
    [
        (says("**Title: “Fix the login page”.**"), "Fix the login page"),
        (says("\n\n# Login\nand more"), "Login"),
        (says("Fix the **login** of `app.py`:"), "Fix the login of app.py"),
        (says("One two three four five six seven"), "One two three four five six"),
        (says("I am sorry, but I cannot help you with a login of this kind."), FROM_THE_MESSAGE),
        (says("```"), FROM_THE_MESSAGE),
        (says(""), FROM_THE_MESSAGE),
        (says("\x00\x07"), FROM_THE_MESSAGE),
        (ModelUnavailable("away"), FROM_THE_MESSAGE),
    ],
)
async def test_what_is_no_title_gives_way_to_the_first_words(reply: Reply, title: str) -> None:
    assert await Titles(ScriptedTurns([reply])).title(ASKED) == title


async def test_without_a_model_it_is_the_first_words(desk: Desk) -> None:
    await desk.begin("\n\n## Make me a shop with prices and a cart\nand so on")
    async with desk.engine(Titles(None)) as engine:
        assert await desk.find(engine) == "Make me a shop with prices"


async def test_a_model_that_hangs_is_given_up() -> None:
    model = ScriptedTurns([says("late")], hang_in_turn=0)
    assert await Titles(model, wait_s=0.05).title(ASKED) == FROM_THE_MESSAGE


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("hi", "hi"),
        ("🙂🙂", ""),
        ("…\n---\nthe second line", "the second line"),
        ("w" * 500, "w" * MAX_CHARS),
        (f"{'a' * 30} {'b' * 29} {'c' * 29}", f"{'a' * 30} {'b' * 29}"),
        ("half \ud800 a character", "half \ufffd a character"),
    ],
)
def test_first_words(message: str, words: str) -> None:
    assert first_words(message) == words


async def test_what_a_title_took_counts_with_its_conversation(desk: Desk) -> None:
    await desk.begin()
    async with desk.engine() as engine:
        await desk.find(engine)
    today = SystemClock().now().date()
    used = await desk.site.store.usage.summary(
        owner=desk.site.owner,
        first=today - timedelta(days=1),
        last=today,
        by="model",
        conversation_id=desk.site.conversation_id,
    )
    assert (used.total.requests, used.total.usage.tokens) == (1, 15)
