"""A provider that says when it may be asked again is waited for, asleep, and never asked before."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from agent.definition import Limits
from agent.durable import AskAgain
from agent.waiting import ProviderBusy, wake_time
from core.clock import ManualClock
from llm.faults import ModelUnavailable, Overloaded, RateLimited, StreamBroken
from llm.model import ModelEvent, ModelRequest
from tests.agent.desk import Desk, Died, Journal
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

START = datetime(2026, 1, 1, 12, 0, 0, 500_000, UTC)


@dataclass
class Limited(ScriptedTurns):
    """Refuses until `until`, whatever `replies` are left; each time that it is asked is noted."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    until: datetime = START
    asked_at: list[datetime] = field(default_factory=list[datetime])

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        self.asked_at.append(self.clock.now())
        if self.clock.now() < self.until:
            raise RateLimited("too many requests", retry_at=self.until)
        async for event in super().stream(request):
            yield event


def limited(journal: Journal, seconds: float) -> Limited:
    turns = [calls(call("c1", "listFiles")), says("Done.")]
    until = journal.clock.now() + timedelta(seconds=seconds)
    return Limited(turns, by_turn=True, clock=journal.clock, until=until)


async def test_the_run_sleeps_until_the_provider_may_be_asked() -> None:
    journal = Journal()
    model = limited(journal, 60)
    desk = Desk(model)
    outcome = await desk.run(journal)
    assert await desk.text(outcome) == "Done."
    first, second, _ = model.asked_at
    assert second >= model.until > first
    assert journal.ran[:3] == ["turn-0", "wait-0-0", "turn-0-again-1"]
    assert isinstance(journal.results["turn-0"], AskAgain)


async def test_the_wait_is_shown_and_taken_back() -> None:
    journal = Journal()
    desk = Desk(limited(journal, 60))
    await desk.run(journal)
    shown, cleared = desk.transcript.waits
    assert shown == datetime(2026, 1, 1, 12, 1, 1, tzinfo=UTC)
    assert cleared is None


@pytest.mark.parametrize("key", ["turn-0", "wait-0-0", "turn-0-again-1"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_that_dies_does_not_let_the_next_one_ask_too_early(
    key: str, when: str
) -> None:
    journal = Journal()
    model = limited(journal, 60)
    desk = Desk(model)
    setattr(journal, f"die_{when}", key)
    with pytest.raises(Died):
        await desk.run(journal)
    journal.die_before = journal.die_after = None
    outcome = await desk.run(journal)
    assert await desk.text(outcome) == "Done."
    too_early = [at for at in model.asked_at[1:] if at < model.until]
    assert too_early == []
    assert len(desk.transcript.turns) == 2


async def test_beyond_the_bound_the_person_is_told_when_to_try_again() -> None:
    journal = Journal()
    desk = Desk(limited(journal, 1_000))
    with pytest.raises(ProviderBusy) as busy:
        await desk.run(journal)
    assert busy.value.code == "provider_busy"
    assert "12:17 UTC on 1 January 2026" in str(busy.value)
    assert desk.transcript.waits == []


async def test_the_bound_is_of_all_waits_of_a_turn() -> None:
    journal = Journal()

    def refusal() -> RateLimited:
        return RateLimited("again", retry_at=journal.clock.now() + timedelta(seconds=100))

    @dataclass
    class Always(ScriptedTurns):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
            self.requests.append(request)
            raise refusal()
            yield  # makes it a generator

    model = Always([])
    desk = Desk(model, limits=Limits(longest_wait_s=600))
    with pytest.raises(ProviderBusy):
        await desk.run(journal)
    waited_s = (journal.clock.now() - START).total_seconds()
    assert 500 < waited_s <= 610
    assert len(model.requests) == 5, "100, 100, 200 and 200 s: longer each time"


async def test_a_fault_that_names_no_time_is_raised_as_it_is() -> None:
    for fault in (Overloaded("busy"), ModelUnavailable("gone")):
        with pytest.raises(type(fault)):
            await Desk(ScriptedTurns([fault], partial="")).run(Journal())


async def test_seconds_to_wait_are_as_good_as_a_time() -> None:
    journal = Journal()
    fault = ModelUnavailable("busy", retry_after_s=30.0)
    desk = Desk(ScriptedTurns([fault, says("Done.")], partial=""))
    assert await desk.text(await desk.run(journal)) == "Done."
    assert (journal.clock.now() - START).total_seconds() >= 30


async def test_an_overloaded_provider_that_names_a_time_is_waited_for_too() -> None:
    journal = Journal()
    fault = Overloaded("busy", retry_at=journal.clock.now() + timedelta(seconds=30))
    desk = Desk(ScriptedTurns([fault, says("Done.")], partial=""))
    assert await desk.text(await desk.run(journal)) == "Done."


async def test_a_stream_that_breaks_and_asks_for_minutes_is_waited_for() -> None:
    journal = Journal()
    desk = Desk(ScriptedTurns([StreamBroken("gone", retry_after_s=300.0), says("Whole.")]))
    outcome = await desk.run(journal)
    assert await desk.text(outcome) == desk.sink.shown == "Whole."
    assert (journal.clock.now() - START).total_seconds() >= 300
    assert desk.pauses == []


def test_the_time_to_wake_is_never_before_the_time_that_was_asked_for() -> None:
    for asked_s in (0.0, 0.3, 1.0, 59.9, 900.0):
        asked = START + timedelta(seconds=asked_s)
        at = wake_time(asked, now=START, waited_s=0.0, longest_s=900.0)
        assert at is not None
        assert at >= asked
        assert at.microsecond == 0
    late = START + timedelta(seconds=900.1)
    assert wake_time(late, now=START, waited_s=0.0, longest_s=900.0) is None
