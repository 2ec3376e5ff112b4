"""What every journal does: on DBOS, with each database, and in memory."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from core.ids import RunId
from engine import NonRetriable, StepFailed
from engine.errors import RunLost
from engine.events import WireEvent
from engine.steps.journal import BODY, Answer, EndedStep, FailedAttempt, History, Journal
from engine.steps.waits import NEVER_MS, NewWait
from engine.storage.codec import Recorded, StoredError
from tests.engine.steps.rigs import CAUSE, DbosRig, JournalRig, MemoryRig

FAILURE = StepFailed("bad", "Jammed", "it is stuck", attempts=3, code="jammed")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def rig(request: pytest.FixtureRequest) -> AsyncGenerator[JournalRig]:
    """A rig for each adapter."""
    kind: str = request.param
    made = MemoryRig() if kind == "memory" else DbosRig(request.getfixturevalue(kind))
    async with made as entered:
        yield entered


def ended(
    journal: Journal, number: int, name: str, result: Any = None, failure: Exception | None = None
) -> EndedStep:
    return EndedStep(name, number, result, failure, journal.stamp())


async def value_of(journal: Journal, name: str, number: int) -> Any:
    known = await journal.recall(name, number)
    assert known is not None
    return known.value()


# Steps


async def test_what_a_step_returned_or_raised_is_recalled_at_once_and_later(
    rig: JournalRig,
) -> None:
    given = Recorded({"n": [1, None]}, {"args": ["x"]})

    async def check(journal: Journal) -> None:
        assert await value_of(journal, "one", 1) == given
        assert await value_of(journal, "plain", 2) == [1, "ü"]
        with pytest.raises(StepFailed) as caught:
            await value_of(journal, "bad", 3)
        found = caught.value
        assert (found.step_id, found.name, found.message) == ("bad", "Jammed", "it is stuck")
        assert (found.attempts, found.code) == (3, "jammed")
        assert await journal.recall("other", 4) is None

    async def first(journal: Journal) -> None:
        await journal.record(ended(journal, 1, "one", given))
        await journal.record(ended(journal, 2, "plain", (1, "ü")))
        await journal.record(ended(journal, 3, "bad", failure=FAILURE))
        await check(journal)

    await rig.execute("r", first)
    await rig.execute("r", check)


async def test_what_is_no_json_is_refused_and_not_recorded(rig: JournalRig) -> None:
    async def body(journal: Journal) -> None:
        with pytest.raises(NonRetriable, match="not JSON"):
            await journal.record(ended(journal, 1, "odd", object()))
        assert await journal.recall("odd", 1) is None

    await rig.execute("r", body)


async def test_two_steps_do_not_share_a_number(rig: JournalRig) -> None:
    async def body(journal: Journal) -> None:
        await journal.record(ended(journal, 1, "one", "first"))
        await rig.pause(0.01)
        with pytest.raises(RuntimeError, match="'r' has recorded its step 1 already"):
            await journal.record(ended(journal, 1, "two", "second"))
        assert await value_of(journal, "one", 1) == "first"

    await rig.execute("r", body)


async def test_history_is_what_earlier_executions_have_left(rig: JournalRig) -> None:
    next_at = rig.now_ms() + 60_000

    async def first(journal: Journal) -> History:
        empty = await journal.history()
        await journal.record(ended(journal, 2, "two"))
        await journal.record(ended(journal, 1, "1.0/one"))
        for number in range(2):
            attempt = FailedAttempt("r", "three", number, ValueError("no"), next_at + number)
            await journal.count(attempt)
        return empty

    async def later(journal: Journal) -> History:
        return await journal.history()

    empty = await rig.execute("r", first)
    assert (empty.recorded, empty.failed, empty.last) == ({}, {}, 0)
    history = await rig.execute("r", later)
    assert (history.recorded, history.last) == ({"two": 2, "1.0/one": 1}, 2)
    assert history.failed == {"three": (2, next_at + 1)}
    other = await rig.execute("another", later)
    assert (other.recorded, other.failed) == ({}, {})


async def test_last_failure_of_a_body_is_kept_by_name_text_and_code(rig: JournalRig) -> None:
    class OutOfPaper(Exception):
        code = "no_paper"

    async def first(journal: Journal) -> None:
        await journal.count(FailedAttempt("r", BODY, 0, ValueError("first"), 1))
        await journal.count(FailedAttempt("r", BODY, 1, OutOfPaper("of all sizes"), None))

    async def later(journal: Journal) -> Exception:
        assert (await journal.history()).failed == {BODY: (2, None)}
        return await journal.last_failure()

    await rig.execute("r", first)
    found = await rig.execute("r", later)
    assert isinstance(found, StoredError)
    assert (found.name, found.message) == ("OutOfPaper", "of all sizes")
    assert found.code == "no_paper"


# Whose the run is


async def test_run_that_executes_is_ours(rig: JournalRig) -> None:
    async def body(journal: Journal) -> None:
        await journal.make_sure()
        assert await journal.is_ours()

    await rig.execute("r", body)


async def test_nothing_is_read_or_written_for_a_run_that_was_cancelled(rig: JournalRig) -> None:
    lost: list[str] = []

    async def body(journal: Journal) -> None:
        await journal.record(ended(journal, 1, "one", "x"))
        await rig.cancel("r")
        assert not await journal.is_ours()
        tries = {
            "make_sure": journal.make_sure,
            "history": journal.history,
            "recall": lambda: journal.recall("one", 1),
            "record": lambda: journal.record(ended(journal, 2, "two", "y")),
            "count": lambda: journal.count(FailedAttempt("r", "two", 0, FAILURE, 1)),
            "open": lambda: opened(journal, wait_for("w", rig)),
        }
        for name, attempt in tries.items():
            with pytest.raises(RunLost):
                await attempt()
            lost.append(name)

    await rig.execute("r", body)
    assert lost == ["make_sure", "history", "recall", "record", "count", "open"]


# Waits


def wait_for(
    step_id: str, rig: JournalRig, *, run_id: str = "r", late_in_s: float = 5.0, **how: Any
) -> NewWait:
    deadline_ms = rig.now_ms() + int(late_in_s * 1000)
    if "signal" not in how:
        how.setdefault("event_name", "test/told")
    return NewWait(RunId(run_id), step_id, cause=CAUSE, deadline_ms=deadline_ms, **how)


def told(event_id: str, **data: Any) -> WireEvent:
    return WireEvent("test/told", data, event_id, CAUSE.ts_ms)


async def opened(journal: Journal, wait: NewWait) -> Answer | None:
    with journal.waiting(wait) as waiting:
        return await waiting.open()


async def waited(journal: Journal, wait: NewWait) -> Answer | None:
    """What ends a wait that nothing has answered yet."""
    with journal.waiting(wait) as waiting:
        assert await waiting.open() is None
        return await waiting.answer()


async def test_event_that_comes_answers_the_wait_that_it_fits(rig: JournalRig) -> None:
    async def body(journal: Journal) -> Answer | None:
        when = "async.data.by != event.data.by"
        wait = wait_for("w", rig, match=("data.id", "1"), when=when)
        with journal.waiting(wait) as waiting:
            assert await waiting.open() is None
            async with asyncio.TaskGroup() as group:
                answer = group.create_task(waiting.answer())
                await rig.send(WireEvent("test/other", {"id": 1, "by": "bob"}, "a", 0))
                await rig.send(told("b", id=2, by="bob"))
                await rig.send(told("c", id=1, by="ann"))
                await rig.send(told("d", id=1, by="bob"))
                await rig.send(told("e", id=1, by="eve"))
            return answer.result()

    assert await rig.execute("r", body) == told("d", id=1, by="bob").as_json()


async def test_wait_that_nothing_answers_is_late(rig: JournalRig) -> None:
    async def body(journal: Journal) -> Answer | None:
        return await waited(journal, wait_for("w", rig, late_in_s=0.05))

    before = rig.now_ms()
    assert await rig.execute("r", body) is None
    assert rig.now_ms() - before >= 50


async def test_event_that_came_since_the_run_began_answers_one_wait(rig: JournalRig) -> None:
    async def body(journal: Journal) -> list[Answer | None]:
        await rig.pause(0.01)
        await rig.send(told("e"))
        return [
            await opened(journal, wait_for("ahead", rig)),
            await opened(journal, wait_for("first", rig, look_back_ms=None)),
            await opened(journal, wait_for("second", rig, look_back_ms=None)),
        ]

    await rig.send(told("before"))
    await rig.pause(0.01)
    assert await rig.execute("r", body) == [None, told("e").as_json(), None]


async def test_event_that_started_the_run_answers_none_of_its_waits(rig: JournalRig) -> None:
    async def body(journal: Journal) -> Answer | None:
        wait = wait_for("w", rig, event_name=CAUSE.name, look_back_ms=60_000)
        return await opened(journal, wait)

    assert await rig.execute("r", body) is None


async def test_signal_answers_the_one_wait_for_it(rig: JournalRig) -> None:
    async def first(journal: Journal) -> None:
        await opened(journal, wait_for("w", rig, run_id="first", signal="go"))

    async def second(journal: Journal) -> None:
        wait = wait_for("w", rig, run_id="second", signal="go")
        with pytest.raises(NonRetriable, match="run 'first' already waits for signal 'go'"):
            await opened(journal, wait)

    async def again(journal: Journal) -> Answer | None:
        return await opened(journal, wait_for("w", rig, run_id="first", signal="go"))

    await rig.execute("first", first)
    await rig.execute("second", second)
    await rig.signal("other", 1)
    assert await rig.execute("first", again) is None
    await rig.signal("go", {"n": None})
    assert await rig.execute("first", again) == {"signal": {"n": None}}


async def test_wait_that_an_earlier_execution_began_is_found_with_its_deadline(
    rig: JournalRig,
) -> None:
    async def begin(journal: Journal) -> Answer | None:
        return await opened(journal, wait_for("w", rig, late_in_s=0.1))

    async def go_on(journal: Journal) -> Answer | None:
        return await waited(journal, wait_for("w", rig, late_in_s=60))

    before = rig.now_ms()
    assert await rig.execute("r", begin) is None
    assert await rig.execute("r", go_on) is None
    assert 100 <= rig.now_ms() - before < 30_000


async def test_wait_that_was_answered_while_nobody_executed_the_run_has_its_answer(
    rig: JournalRig,
) -> None:
    async def body(journal: Journal) -> Answer | None:
        return await opened(journal, wait_for("w", rig))

    assert await rig.execute("r", body) is None
    await rig.send(told("e"))
    assert await rig.execute("r", body) == told("e").as_json()


async def test_wait_that_is_forgotten_leaves_its_signal_to_others(rig: JournalRig) -> None:
    async def first(journal: Journal) -> None:
        wait = wait_for("w", rig, run_id="first", signal="go", late_in_s=0.01)
        assert await waited(journal, wait) is None
        journal.forget_wait("w")
        await rig.settled()

    async def second(journal: Journal) -> Answer | None:
        wait = wait_for("w", rig, run_id="second", signal="go")
        with journal.waiting(wait) as waiting:
            assert await waiting.open() is None
            async with asyncio.TaskGroup() as group:
                answer = group.create_task(waiting.answer())
                await rig.signal("go", "now")
            return answer.result()

    await rig.execute("first", first)
    assert await rig.execute("second", second) == {"signal": "now"}


async def test_wait_without_a_timeout_is_answered_as_well(rig: JournalRig) -> None:
    async def body(journal: Journal) -> Answer | None:
        wait = NewWait("r", "w", cause=CAUSE, event_name="test/told", deadline_ms=NEVER_MS)
        with journal.waiting(wait) as waiting:
            assert await waiting.open() is None
            async with asyncio.TaskGroup() as group:
                answer = group.create_task(waiting.answer())
                await rig.send(told("e"))
            return answer.result()

    assert await rig.execute("r", body) == told("e").as_json()
