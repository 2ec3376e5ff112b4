"""The relay: every committed event reaches the engine, whatever dies in between."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

import pytest

from core.ids import EventId, MessageId, OwnerId, RunId, new_id
from engine import Event, SentEvent
from engine.errors import BadEvent
from jobs.outbox import Relay
from store import Store
from store.client import ConvexHttp
from store.outbox import Outbox
from store.records import SentMessage
from tests.support.product import ROOT, Program, environment, running

pytestmark = pytest.mark.timeout(60)  # the first test starts an embedded Convex

KEY = "internal-key-of-the-relay-tests"


class Taker:
    """Takes events; `is_away` makes it refuse, as an engine whose database is gone does."""

    def __init__(self) -> None:
        self.taken: list[Event] = []
        self.arrived = asyncio.Event()
        self.is_away = False
        self.refuses: str | None = None  # the user whose events it will never take
        self.breaks_on: str | None = None  # the user whose events it has a bug for

    async def took(self, event_id: str) -> None:
        while event_id not in [event.id for event in self.taken]:
            self.arrived.clear()
            await self.arrived.wait()

    async def send(self, event: Event) -> SentEvent:
        user = str((event.user or {}).get("id"))
        if user == self.refuses:
            raise BadEvent(event.name, "holds what no database can hold")
        if user == self.breaks_on:
            raise RuntimeError("a bug")
        if self.is_away:
            raise ConnectionError("the database is away")
        self.taken.append(event)
        self.arrived.set()
        return SentEvent(EventId(event.id or ""), (RunId(f"run of {event.id}"),))


@pytest.fixture(scope="module")
def convex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("relay")
    env = environment(POLARIS_CONVEX_INTERNAL_KEY=KEY)
    command = ["convex", "--dir", str(ROOT / "convex"), "--data", str(folder / "db.sqlite")]
    with running(command, folder=folder, env=env) as program:
        yield program


@pytest.fixture
async def store(convex: Program) -> AsyncIterator[Store]:
    async with Store(convex.ready["url"], internal_key=KEY) as store:
        yield store
        for event in await store.outbox.pending():  # what a test has left behind
            await store.outbox.ack(event.event_id)


@asynccontextmanager
async def working(relay: Relay) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(relay.run())
        yield
        task.cancel()


async def sent_message(store: Store, owner: OwnerId | None = None) -> SentMessage:
    owner = owner or OwnerId(new_id("user"))
    project = await store.projects.create(owner=owner, name="shop")
    conversation = await store.conversations.create(project.project_id, owner=owner, title="chat")
    return await store.messages.send(
        conversation.conversation_id, owner=owner, content="hello", policy="queue"
    )


async def pending_ids(store: Store, message_id: MessageId) -> list[str]:
    """Asks until it is due: a new event is left to the request that made it for 2 s."""
    async with asyncio.timeout(10):
        while True:
            pending = await store.outbox.pending()
            found = [event.event_id for event in pending if message_id in event.data.values()]
            if found:
                return list(found)
            await asyncio.sleep(0.1)


async def test_an_event_handed_over_is_sent_and_forgotten(store: Store) -> None:
    sent = await sent_message(store)
    taker = Taker()
    relay = Relay(store.outbox, taker, poll_s=3600)  # so that only the hand-over counts
    async with working(relay):
        answer = await relay.deliver_now(sent.events[0])
        assert answer is not None
        assert answer.run_ids == (f"run of {sent.event_id}",)
        later = await sent_message(store)  # due after the first one
        assert await pending_ids(store, later.message_id)
        due = [event.event_id for event in await store.outbox.pending()]
    assert sent.event_id not in due
    assert [event.id for event in taker.taken].count(sent.event_id) == 1


async def test_an_event_that_nobody_sent_is_sent_by_the_relay(store: Store) -> None:
    sent = await sent_message(store)  # and the process dies here
    taker = Taker()
    async with working(Relay(store.outbox, taker, poll_s=0.1)), asyncio.timeout(10):
        await taker.arrived.wait()
    (event,) = [event for event in taker.taken if event.id == sent.event_id]
    assert event.name == "message/sent"
    assert event.data["messageId"] == sent.message_id
    assert event.user is not None


async def test_an_event_stays_while_the_engine_is_away(store: Store) -> None:
    sent = await sent_message(store)
    taker = Taker()
    taker.is_away = True
    relay = Relay(store.outbox, taker, poll_s=0.1)
    assert await relay.deliver_now(sent.events[0]) is None
    assert sent.event_id in await pending_ids(store, sent.message_id)
    assert await relay.relay_pending() >= 1  # still away: put off, not lost
    taker.is_away = False
    async with working(relay), asyncio.timeout(15):
        await taker.arrived.wait()
    assert sent.event_id in [event.id for event in taker.taken]


@pytest.mark.parametrize("kind", ["refused", "a bug"])
async def test_one_bad_event_is_reported_and_set_aside_and_the_others_go_on(
    store: Store, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad_user = OwnerId(f"{kind}\0{new_id('user')}")
    bad = await sent_message(store, bad_user)
    good = await sent_message(store)
    taker = Taker()
    taker.refuses = bad_user if kind == "refused" else None
    taker.breaks_on = bad_user if kind == "a bug" else None
    relay = Relay(store.outbox, taker, poll_s=0.1)
    assert await relay.deliver_now(bad.events[0]) is None
    async with working(relay), asyncio.timeout(20):
        await taker.took(good.event_id)
    reports = [line for line in caplog.records if getattr(line, "event_id", "") == bad.event_id]
    assert {line.levelname for line in reports} == {"ERROR"}
    if kind == "refused":  # for good: it is never due again
        (aside,) = [line for line in reports if line.message == "event_set_aside"]
        assert aside.exc_info is None  # Sentry drops reports that carry a refusal
        assert bad.event_id not in [event.event_id for event in await store.outbox.pending()]


class BadOutbox(Outbox):
    """Gives one row that this version cannot read, as a store of a newer one may."""

    def __init__(self, http: ConvexHttp) -> None:
        super().__init__(_Spoilt(http))  # pyright: ignore[reportArgumentType] - it has `query` and `mutation`


class _Spoilt:
    def __init__(self, http: ConvexHttp) -> None:
        self._http = http
        self.mutation = http.mutation

    async def query(self, path: str, args: Mapping[str, object]) -> object:
        rows = await self._http.query(path, args)
        return [*rows[:1], {"eventId": "evt_new", "kind": "unheard of"}, *rows[1:]]


async def test_a_row_that_cannot_be_read_leaves_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    sent = await sent_message(store)
    taker = Taker()
    relay = Relay(BadOutbox(store.http), taker, poll_s=0.1)
    async with working(relay), asyncio.timeout(20):
        await taker.took(sent.event_id)
    assert "outbox_row_unreadable" in caplog.messages


async def test_a_relay_outlives_a_store_that_is_away() -> None:
    taker = Taker()
    async with Store("http://127.0.0.1:9", internal_key=KEY) as store:  # nobody listens there
        relay = Relay(store.outbox, taker, poll_s=0.01)
        async with working(relay):
            relay.kick()
            await asyncio.sleep(0)  # it runs, and fails, without ending the group
    assert taker.taken == []
