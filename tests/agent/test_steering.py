"""What the person says while an answer is written: told once, wherever a process dies."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from agent import words
from agent.history import build_history
from agent.loop import Limits
from agent.outcome import Ending
from agent.sizes import size_of
from agent.transcript import Answered, Asked, Loaded, RecordedTurn, Steer
from core.ids import MessageId
from llm.faults import StreamBroken
from llm.model import (
    AssistantMessage,
    ModelMessage,
    ModelRequest,
    StopReason,
    TextPart,
    ToolResult,
    Turn,
    UserMessage,
)
from tests.agent.desk import Desk, Died, Journal
from tests.support.scripted_turns import Reply, ScriptedTurns, call, calls, says
from tests.support.validity import assert_valid
from tools.output import ToolOutput

IN_FRENCH = Steer(MessageId("m7"), "In French, please.")
LOOK = calls(call("c1", "readFile", path="a.ts"), text="I look.")


def meanwhile(desk: Desk, turn: Turn, *steers: Steer) -> Callable[[ModelRequest], Turn]:
    """The turn, during which the person speaks; a second time when it has to be made again."""

    def reply(_request: ModelRequest) -> Turn:
        desk.transcript.said += [each for each in steers if each not in desk.transcript.said]
        return turn

    return reply


def desk_of(replies: Callable[[Desk], Sequence[Reply]], limits: Limits | None = None) -> Desk:
    model = ScriptedTurns([])
    desk = Desk(model, files={"a.ts": "a\n"}, limits=limits or Limits())
    model.replies = replies(desk)
    return desk


def requests_of(desk: Desk) -> list[ModelRequest]:
    assert isinstance(desk.model, ScriptedTurns)
    return desk.model.requests


def mentions(messages: Sequence[ModelMessage], text: str = IN_FRENCH.text) -> int:
    return sum(part == TextPart(text) for message in messages for part in message.parts)


async def test_what_is_said_during_a_turn_follows_the_results_of_its_calls() -> None:
    desk = desk_of(lambda d: [meanwhile(d, LOOK, IN_FRENCH), says("Voilà.")])
    outcome = await desk.run()
    first, second = requests_of(desk)
    assert mentions(first.messages) == 0
    result, told = second.messages[-1].parts
    assert isinstance(result, ToolResult)
    assert told == TextPart(IN_FRENCH.text)
    assert [turn.steers for turn in desk.transcript.turns] == [(), (IN_FRENCH,)]
    assert await desk.text(outcome) == "I look.\n\nVoilà."


async def test_what_is_said_during_the_last_turn_makes_one_more() -> None:
    desk = desk_of(lambda d: [meanwhile(d, says("Here."), IN_FRENCH), says("Voici.")])
    outcome = await desk.run()
    assert outcome.ending is Ending.FINISHED
    assert requests_of(desk)[1].messages[1:] == (
        AssistantMessage((TextPart("Here."),)),
        UserMessage((TextPart(IN_FRENCH.text),)),
    )
    assert await desk.text(outcome) == desk.sink.shown == "Here.\n\nVoici."


async def test_who_is_answered_back_is_not_told_that_it_only_announced() -> None:
    desk = desk_of(
        lambda d: [meanwhile(d, says("Let me look at the file now:"), IN_FRENCH), says("Voici.")]
    )
    await desk.run()
    assert mentions(requests_of(desk)[1].messages, words.ANNOUNCED) == 0


async def test_what_is_said_at_the_step_cap_is_told_in_the_closing_turn() -> None:
    desk = desk_of(
        lambda d: [meanwhile(d, says("Here."), IN_FRENCH), says("Voici.")], Limits(max_turns=1)
    )
    outcome = await desk.run()
    assert outcome.ending is Ending.STEP_CAP
    assert mentions(requests_of(desk)[1].messages) == 1


@pytest.mark.parametrize("stop", [StopReason.REFUSAL, StopReason.CONTEXT_FULL])
async def test_an_answer_that_ends_for_good_is_not_gone_on_with(stop: StopReason) -> None:
    desk = desk_of(lambda d: [meanwhile(d, says("No.", stop_reason=stop), IN_FRENCH)])
    await desk.run()
    assert len(requests_of(desk)) == 1
    assert desk.transcript.steers() == (IN_FRENCH,)


async def test_a_turn_that_is_asked_for_again_is_told_the_same() -> None:
    desk = desk_of(lambda d: [meanwhile(d, LOOK, IN_FRENCH), StreamBroken("gone"), says("Voilà.")])
    await desk.run()
    _, broken, again = requests_of(desk)
    assert broken.messages == again.messages
    assert mentions(again.messages) == 1


SCRIPT: Sequence[tuple[Turn, tuple[Steer, ...]]] = [
    (LOOK, (IN_FRENCH,)),
    (says("Voilà."), (Steer(MessageId("m8"), "Now b."), Steer(MessageId("m9"), "And c."))),
    (calls(call("c2", "readFile", path="a.ts")), ()),
    (says("Fini."), (Steer(MessageId("m10"), "Thanks."),)),
    (says("De rien."), ()),
]
KEYS = ["turn-0", "tool-0-c1", "turn-1", "turn-2", "tool-2-c2", "turn-3", "turn-4"]
TOLD = {1: ["m7"], 2: ["m8", "m9"], 4: ["m10"]}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_death_around_a_step_neither_loses_nor_doubles_it(when: str, key: str) -> None:
    desk = desk_of(lambda d: [meanwhile(d, turn, *steers) for turn, steers in SCRIPT])
    journal = Journal()
    setattr(journal, f"die_{when}", key)
    with pytest.raises(Died):
        await desk.run(journal)
    journal.die_before = journal.die_after = None
    outcome = await desk.run(journal)
    told = {
        turn.number: [str(steer.message_id) for steer in turn.steers]
        for turn in desk.transcript.turns
        if turn.steers
    }
    assert told == TOLD
    assert len(requests_of(desk)) == len(SCRIPT), "a recorded turn was generated again"
    assert await desk.text(outcome) == "I look.\n\nVoilà.\n\nFini.\n\nDe rien."


def recorded(number: int, *steers: Steer, output: str = "a") -> RecordedTurn:
    made = call(f"c{number}", "readFile", path="a.ts")
    outputs = {made.call_id: ToolOutput(output)}
    return RecordedTurn(number, calls(made), outputs=outputs, steers=steers)


def told(loaded: Loaded, budget_tokens: int = 100_000) -> tuple[ModelMessage, ...]:
    messages = build_history(loaded, budget_tokens=budget_tokens).messages
    assert_valid(ModelRequest(system="", messages=messages))
    return messages


def test_later_requests_begin_as_the_one_did_that_told_it() -> None:
    before = Loaded((Asked("go"),), (recorded(0),), untold=(IN_FRENCH,))
    turns = (recorded(0), replace(recorded(1), steers=(IN_FRENCH,), remarks=()))
    then = told(before)
    assert told(Loaded((Asked("go"),), turns))[: len(then)] == then
    later = (Asked("go"), Answered("completed", "", turns), Asked("next"))
    assert told(Loaded(later))[: len(then)] == then


def test_it_stays_whole_while_results_and_turns_are_told_in_short() -> None:
    turns = tuple(recorded(n, *[IN_FRENCH] * (n == 3), output="x" * 3_000) for n in range(40))
    messages = told(Loaded((Asked("go"),), turns), budget_tokens=3_000)
    assert len(messages) < 40
    assert mentions(messages) == 1


def test_of_an_exchange_that_is_only_listed_it_is_listed() -> None:
    turns = (recorded(0), recorded(1, IN_FRENCH, output="x" * 3_000))
    past = (Asked("a"), Answered("completed", "", turns), Asked("b"), Answered("completed", "y"))
    (listing, *_) = told(Loaded((*past, Asked("c" * 4_000))), budget_tokens=600)
    assert any(
        f"- {IN_FRENCH.text}" in part.text for part in listing.parts if isinstance(part, TextPart)
    )


def test_room_is_made_for_what_is_said_in_the_middle() -> None:
    long = Steer(MessageId("m7"), "x" * 6_000)
    turns = tuple(recorded(n, output="y" * 2_000) for n in range(4))
    loaded = Loaded((Asked("go"),), turns)
    with_it = told(replace(loaded, untold=(long,)), 2_600)
    assert size_of(with_it) - len(long.text) < size_of(told(loaded, 2_600))
