"""Stopping to read the model for an answer of this process."""

import asyncio

import pytest

from core.ids import MessageId, OwnerId, ProjectId
from jobs.answer import live_answers
from jobs.answer.live_answers import LiveAnswers, Whose
from llm.faults import StreamBroken

OWNER = OwnerId("somebody")
PROJECT = ProjectId("project")
ONE, OTHER = MessageId("one"), MessageId("other")


class Answering:
    """Reads a model that says nothing more, until it is stopped."""

    def __init__(self, live: LiveAnswers, message_id: MessageId) -> None:
        self.begun = asyncio.Event()
        self.saved = asyncio.Event()
        self._live = live
        self._whose = Whose(message_id, PROJECT, OWNER)

    async def read(self) -> None:
        async with self._live.reading(self._whose, self.save):
            self.begun.set()
            await asyncio.Event().wait()

    async def save(self) -> None:
        self.saved.set()


async def test_what_was_said_is_saved_when_stop_returns() -> None:
    live = LiveAnswers()
    one, other = Answering(live, ONE), Answering(live, OTHER)
    async with asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(each.read()) for each in (one, other)]
        await one.begun.wait()
        await other.begun.wait()
        await live.stop(ONE, owner=OwnerId("a stranger"))
        assert not one.saved.is_set()
        await live.stop(ONE, owner=OWNER)
        assert one.saved.is_set()
        assert not other.saved.is_set()
        await live.stop(ONE, owner=OWNER)  # again: there is nothing left to stop
        await live.stop_project(PROJECT, owner=OWNER)
        assert other.saved.is_set()
        for reader in readers:  # both wait for the cancels of their runs
            assert not reader.done()
            reader.cancel()


async def test_without_the_cancel_of_its_run_the_model_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_answers, "LEFT_S", 0.01)
    live = LiveAnswers()
    one = Answering(live, ONE)

    async def read() -> None:
        with pytest.raises(StreamBroken):
            await one.read()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        await one.begun.wait()
        await live.stop(ONE, owner=OWNER)


async def test_a_save_that_fails_or_hangs_holds_no_cancel_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_answers, "STOPPING_S", 0.01)
    live = LiveAnswers()
    begun = asyncio.Event()

    async def read() -> None:
        async with live.reading(Whose(ONE, PROJECT, OWNER), asyncio.Event().wait):
            begun.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(read())
        await begun.wait()
        await live.stop(ONE, owner=OWNER)
        reader.cancel()
    assert reader.cancelled()


async def test_a_timeout_of_the_models_own_is_no_stop() -> None:
    live = LiveAnswers()
    with pytest.raises(TimeoutError, match="its own"):
        async with live.reading(Whose(ONE, PROJECT, OWNER), asyncio.Event().wait):
            raise TimeoutError("its own")
    await live.stop(ONE, owner=OWNER)  # it is not read any more
