"""Fair turns between keys: nobody fills a process, whoever comes next starts at once."""

import asyncio
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine import Database, Engine, Event, JobContext, job
from engine.fairness import NO_KEY, SHARE, Turns
from tests.engine.conftest import Start
from tests.engine.things import Notes
from tests.support.waiting import until

ROOM = 10
MOST_OF_ONE = 8  # of 10, one key alone: four fifths


class Gates:
    """Runs that wait in a step until the test lets them go."""

    def __init__(self) -> None:
        self.running: Counter[str] = Counter()
        self.ended: list[str] = []
        self.open = asyncio.Event()


@job("slow", on="test/slow", fairness="event.user.id")
async def slow(ctx: JobContext[dict[str, Any]]) -> None:
    gates, who = ctx.need(Gates), str((ctx.event.user or {}).get("id"))

    async def hold() -> None:
        gates.running[who] += 1
        try:
            await gates.open.wait()
        finally:
            gates.running[who] -= 1

    await ctx.step.run("hold", hold)
    gates.ended.append(who)


@job("other", on="test/other", fairness="event.user.id")
async def other(ctx: JobContext[dict[str, Any]]) -> None:
    await slow.fn(ctx)


def events(who: str | None, count: int, name: str = "test/slow") -> list[Event]:
    user = None if who is None else {"id": who}
    return [Event(name, {}, user=user) for _ in range(count)]


async def test_one_key_leaves_room_and_the_next_starts_at_once(start: Start) -> None:
    gates = Gates()
    engine = await start([slow], provide=[gates], max_running=ROOM)
    await engine.send_many(events("alice", 40))
    await until(lambda: gates.running["alice"] == MOST_OF_ONE)
    await engine.send_many(events("bob", 1))
    await until(lambda: gates.running["bob"] == 1)
    assert gates.running["alice"] == MOST_OF_ONE
    gates.open.set()
    await until(lambda: Counter(gates.ended) == {"alice": 40, "bob": 1}, 10)


async def test_keys_that_wait_take_turns(start: Start) -> None:
    gates = Gates()
    gates.open.set()
    engine = await start([slow], provide=[gates], max_running=2)
    await engine.send_many([*events("alice", 30), *events("bob", 3), *events("carol", 3)])
    await until(lambda: len(gates.ended) == 36, 10)
    assert Counter(gates.ended[:12])["bob"] == 3
    assert Counter(gates.ended[:12])["carol"] == 3


async def test_what_one_job_holds_counts_in_another(start: Start) -> None:
    gates = Gates()
    engine = await start([slow, other], provide=[gates], max_running=ROOM)
    await engine.send_many(events("alice", 20))
    await until(lambda: gates.running["alice"] == MOST_OF_ONE)
    await engine.send_many([*events("alice", 5, "test/other"), *events("bob", 1, "test/other")])
    await until(lambda: gates.running["bob"] == 1)
    assert gates.running["alice"] == MOST_OF_ONE


async def test_events_of_nobody_are_not_shared_out(start: Start) -> None:
    gates = Gates()
    engine = await start([slow], provide=[gates], max_running=ROOM)
    await engine.send_many([*events("alice", 20), *events(None, 5)])
    await until(lambda: gates.running["None"] >= ROOM - MOST_OF_ONE)
    assert sum(gates.running.values()) <= ROOM


async def test_turns_are_kept_over_a_restart(database: Database) -> None:
    gates = Gates()
    options: dict[str, Any] = {"database": database, "provide": [gates], "max_running": ROOM}
    async with Engine(jobs=[slow], grace_s=0.1, **options) as one:
        await one.send_many(events("alice", 20))
        await until(lambda: gates.running["alice"] == MOST_OF_ONE)
    async with Engine(jobs=[slow], grace_s=0.1, **options) as two:
        await until(lambda: gates.running["alice"] == MOST_OF_ONE)
        await two.send_many(events("bob", 2))
        await until(lambda: gates.running["bob"] == 1)  # one place is kept for who comes next
        gates.open.set()
        await until(lambda: len(gates.ended) == 22, 10)


async def test_runs_from_before_the_job_took_turns_are_not_forgotten(database: Database) -> None:
    gates = Gates()

    @job("slow", on="test/slow")
    async def without(ctx: JobContext[dict[str, Any]]) -> None:
        await slow.fn(ctx)

    options: dict[str, Any] = {"database": database, "provide": [gates], "grace_s": 0.1}
    async with Engine(jobs=[without], works=False, **options) as one:
        await one.send_many(events("alice", 6))
    async with Engine(jobs=[slow], max_running=2, **options) as two:
        await two.send_many(events("bob", 6))
        gates.open.set()
        await until(lambda: len(gates.ended) == 12, 10)


async def test_many_keys_are_served_from_a_backlog(start: Start) -> None:
    notes = Notes()

    @job("noted", on="test/noted", fairness="event.data.key")
    async def noted(ctx: JobContext[dict[str, Any]]) -> None:
        notes.write(ctx.event.data["key"])

    engine = await start([noted], max_running=4)
    keys = [f"key-{number:02}" for number in range(30)]
    await engine.send_many([Event("test/noted", {"key": key}) for key in keys for _ in range(3)])
    await until(lambda: len(notes.lines) == 90, 20)
    assert set(notes.lines[:40]) == set(keys)  # each is served before any is served thrice


HELD = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 40))


@given(HELD, st.integers(-3, 60), st.integers(0, 60))
def test_starts_fit_the_room_and_a_newcomer_has_one(
    held: dict[str, int], room: int, limit: int
) -> None:
    turns = Turns(held, room)
    allotted = turns.allot(list(held), limit)
    assert sum(allotted.values()) <= max(0, min(room, limit))
    for key, count in allotted.items():
        turns.start(key, count)
        assert held[key] + count <= 1 or held[key] + count <= SHARE * (room - 1)
    if sum(allotted.values()) < room:
        assert turns.may_start("newcomer")
        assert turns.may_start(NO_KEY)


@given(st.integers(2, 400))
def test_one_key_alone_takes_four_fifths_at_the_most(room: int) -> None:
    taken = Turns({}, room).allot(["a"], room)["a"]
    assert taken == max(1, -(-SHARE * (room - 1) // (SHARE + 1)))


@given(HELD, st.integers(1, 60))
def test_those_who_hold_the_fewest_come_first(held: dict[str, int], room: int) -> None:
    allotted = Turns(held, room).allot(list(held), 1)
    if allotted:
        assert held[next(iter(allotted))] == min(held.values())
