from collections.abc import Sequence
from dataclasses import replace

import pytest

from agent import words
from agent.digest import digest
from agent.history import Remarks, build_history
from agent.sizes import CHARS_PER_TOKEN, size_of
from agent.transcript import Answered, Asked, Loaded, Past, RecordedTurn
from core.ids import ToolCallId
from llm.model import (
    AssistantMessage,
    Image,
    ModelMessage,
    ModelRequest,
    StopReason,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    UserMessage,
)
from tests.support.scripted_turns import call, calls, says
from tests.support.validity import assert_valid
from tools.files import FILE_TOOLS
from tools.output import ToolOutput
from tools.outputs import where_whole
from tools.registry import Toolbox

PLENTY = 100_000


def built_within(budget_tokens: int, loaded: Loaded) -> tuple[ModelMessage, ...]:
    messages = build_history(
        loaded, budget_tokens=budget_tokens, touches=Toolbox(FILE_TOOLS).touches
    ).messages
    assert_valid(ModelRequest(system="", messages=messages))
    return messages


def texts_of(message: ModelMessage) -> list[str]:
    return [part.text for part in message.parts if isinstance(part, TextPart)]


def told(messages: Sequence[ModelMessage]) -> str:
    """All that a model reads of the messages."""
    return "\n".join(
        f"{part.name} {dict(part.arguments)}" if isinstance(part, ToolCall) else part.text
        for message in messages
        for part in message.parts
        if not isinstance(part, Image)
    )


NO_REMARKS = Remarks()


def built(
    *past: Past, turns: tuple[RecordedTurn, ...] = (), remarks: Remarks = NO_REMARKS
) -> tuple[ModelMessage, ...]:
    loaded = Loaded(past=past, turns=turns)
    return build_history(loaded, budget_tokens=PLENTY, remarks=remarks).messages


def user(*texts: str) -> UserMessage:
    return UserMessage(parts=tuple(TextPart(text) for text in texts))


def assistant(*texts: str) -> AssistantMessage:
    return AssistantMessage(parts=tuple(TextPart(text) for text in texts))


def recorded(number: int, turn: Turn, **outputs: str) -> RecordedTurn:
    return RecordedTurn(
        number=number,
        turn=turn,
        started=frozenset(ToolCallId(call_id) for call_id in outputs),
        outputs={ToolCallId(call_id): ToolOutput(text) for call_id, text in outputs.items()},
    )


def test_a_plain_conversation_is_sent_as_it_was() -> None:
    assert built(Asked("Hi"), Answered("completed", "Hello"), Asked("Bye")) == (
        user("Hi"),
        assistant("Hello"),
        user("Bye"),
    )


def test_a_cancelled_answer_keeps_its_words_and_says_that_it_was_stopped() -> None:
    assert built(Asked("Hi"), Answered("cancelled", "Hel"), Asked("Wait")) == (
        user("Hi"),
        assistant("Hel"),
        user(words.WAS_CANCELLED, "Wait"),
    )


def test_an_answer_cancelled_before_its_first_word_leaves_one_user_message() -> None:
    assert built(Asked("Hi"), Answered("cancelled", ""), Asked("Wait")) == (
        user("Hi", words.WAS_CANCELLED, "Wait"),
    )


def test_a_failed_answer_says_why() -> None:
    messages = built(Asked("Hi"), Answered("failed", "", error="no network"), Asked("Again"))
    assert messages == (user("Hi", words.was_failed("no network"), "Again"),)


def test_a_call_that_was_running_gets_a_result_that_says_so() -> None:
    turn = calls(call("c1", "readFile", path="a"), call("c2", "readFile", path="b"))
    started = RecordedTurn(number=0, turn=turn, started=frozenset({ToolCallId("c1")}))
    messages = built(Asked("Hi"), Answered("cancelled", "", turns=(started,)), Asked("And?"))
    assert messages[2] == UserMessage(
        parts=(
            ToolResult(ToolCallId("c1"), words.INTERRUPTED, is_error=True),
            ToolResult(ToolCallId("c2"), words.NEVER_RAN, is_error=True),
            TextPart(words.WAS_CANCELLED),
            TextPart("And?"),
        )
    )


def test_the_unfinished_turn_of_a_cancelled_answer_follows_the_finished_ones() -> None:
    turn = recorded(0, calls(call("c1", "listFiles"), text="I look."), c1="[file] a")
    messages = built(
        Asked("Hi"), Answered("cancelled", "I look.\n\nNow I wr", turns=(turn,)), Asked("Stop")
    )
    assert messages[1:4] == (
        AssistantMessage(parts=turn.turn.message.parts),
        UserMessage(parts=(ToolResult(ToolCallId("c1"), "[file] a"),)),
        assistant("Now I wr"),
    )


def test_thinking_stays_with_its_proof_in_later_messages_too() -> None:
    thinking = ThinkingPart("hm", signature="proof")
    unproved = ThinkingPart("hm", signature="")
    turn = Turn(
        message=AssistantMessage(parts=(unproved, thinking, call("c1", "listFiles"))),
        stop_reason=StopReason.TOOL_CALLS,
        usage=Usage(),
        model="m",
    )
    mine = recorded(0, turn, c1="")
    running = built(Asked("Hi"), turns=(mine,))
    assert running[1] == AssistantMessage(parts=(thinking, call("c1", "listFiles")))
    past = built(Asked("Hi"), Answered("completed", "", turns=(mine,)), Asked("More"))
    assert past[:2] == running[:2]


def test_what_the_loop_said_between_turns_stays_where_it_was_said() -> None:
    first = recorded(0, calls(call("c1", "listFiles")), c1="")
    second = replace(recorded(1, says("Done.")), remarks=("[Try something else.]",))
    remarks = Remarks().and_after(0, "[Try something else.]")
    running = built(Asked("Hi"), turns=(first,), remarks=remarks)
    past = built(Asked("Hi"), Answered("completed", "Done.", turns=(first, second)), Asked("More"))
    assert past[: len(running)] == running


def test_an_empty_message_of_the_user_is_named() -> None:
    assert built(Asked("  ")) == (user(words.EMPTY_MESSAGE),)


def test_ids_that_a_provider_would_refuse_are_replaced_in_call_and_result() -> None:
    first = recorded(0, calls(call("functions.read:0", "listFiles")), **{"functions.read:0": "a"})
    second = recorded(1, calls(call("functions.read:0", "listFiles")), **{"functions.read:0": "b"})
    messages = built(Asked("Hi"), turns=(first, second))
    ids = [
        part.call_id
        for message in messages
        for part in message.parts
        if isinstance(part, ToolCall | ToolResult)
    ]
    assert ids == [
        "functions_read_0",
        "functions_read_0",
        "functions_read_0_2",
        "functions_read_0_2",
    ]


def test_over_the_budget_the_oldest_exchanges_are_listed() -> None:
    past = [
        item
        for n in range(10)
        for item in (Asked(f"question {n}"), Answered("completed", f"{n}" * 1_000))
    ]
    loaded = Loaded(past=(*past, Asked("now")))
    messages = build_history(loaded, budget_tokens=1_000).messages
    listed, *questions = texts_of(messages[0])
    assert listed.startswith(words.LEFT_OUT[:-1])
    assert all(f"question {n}\n" in listed for n in range(8))
    assert questions == ["question 8"]
    assert messages[-2:] == (assistant("9" * 1_000), user("now"))


def test_the_message_to_answer_is_sent_whatever_its_size() -> None:
    loaded = Loaded(past=(Asked("old"), Answered("completed", "old"), Asked("x" * 100_000)))
    assert texts_of(built_within(1_000, loaded)[-1])[-1] == "x" * 100_000


READS = 5
TASK = "Build me a shop."


def long_work() -> tuple[RecordedTurn, ...]:
    """Ten turns of five reads of 6 KB and a write each; the last write never ran."""
    turns: list[RecordedTurn] = []
    for n in range(10):
        reads = [call(f"r{n}-{k}", "readFile", path=f"src/{n}/{k}.ts") for k in range(READS)]
        wanted = [*reads, call(f"w{n}", "writeFile", path=f"out/{n}.ts", content="y" * 500)]
        outputs = {str(wanted_call.call_id): "x" * 6_000 for wanted_call in reads}
        if n < 9:
            outputs[f"w{n}"] = f"Successfully wrote out/{n}.ts"
        turns.append(recorded(n, calls(*wanted, text=f"Part {n} of the plan."), **outputs))
    return tuple(turns)


@pytest.mark.parametrize("budget", [100_000, 60_000, 24_000, 12_000, 8_000])
def test_continue_after_long_work_knows_task_files_and_open_work(budget: int) -> None:
    past = (Asked(TASK), Answered("completed", "", turns=long_work()), Asked("continue"))
    messages = built_within(budget, Loaded(past))
    assert texts_of(messages[0])[0] == TASK
    everything = told(messages)
    assert everything.count("src/") >= 50
    assert all(f"src/{n}/{k}.ts" in everything for n in range(10) for k in range(READS))
    assert all(f"out/{n}.ts" in everything for n in range(10))
    assert words.NEVER_RAN in everything, "the write that never ran is open"
    assert texts_of(messages[-1])[-1] == "continue"
    assert size_of(messages) <= budget * CHARS_PER_TOKEN


@pytest.mark.parametrize("budget", [3_000, 2_000, 1_000])
def test_work_of_long_ago_is_remembered_in_short(budget: int) -> None:
    """Three exchanges later the work itself is left out, and what it did is not."""
    later = [
        item for n in range(3) for item in (Asked(f"{n}?"), Answered("completed", "z" * 2_000))
    ]
    past = (Asked(TASK), Answered("cancelled", "", turns=long_work()), *later, Asked("continue"))
    messages = built_within(budget, Loaded(past))
    everything = told(messages)
    assert TASK in everything
    assert "src/9/4.ts" in everything
    assert "out/8.ts" in everything
    assert "out/9.ts" in everything
    assert "never ran" in everything
    assert "left out" in everything
    assert size_of(messages) <= budget * CHARS_PER_TOKEN


def test_what_failed_and_was_done_later_is_not_open() -> None:
    failed = RecordedTurn(
        0,
        calls(call("a", "editFile", path="a.ts", oldString="1", newString="2")),
        outputs={ToolCallId("a"): ToolOutput("oldString does not occur", is_error=True)},
    )
    done = recorded(
        1, calls(call("b", "editFile", path="a.ts", oldString="3", newString="4")), b="ok"
    )
    touches = Toolbox(FILE_TOOLS).touches
    text = told(digest([failed], touches, chars=1_000))
    assert "Not done: editFile a.ts (failed: oldString" in text
    assert "Not done" not in told(digest([failed, done], touches, chars=1_000))


def test_what_was_read_in_brief_is_told_in_short() -> None:
    brief = Answered("completed", "Done.", turns=long_work(), is_brief=True)
    messages = built_within(100_000, Loaded((Asked(TASK), brief, Asked("continue")), is_cut=True))
    everything = told(messages)
    assert "Still older messages" in everything
    assert TASK in everything
    assert "src/0/0.ts" in everything
    assert not [p for m in messages for p in m.parts if isinstance(p, ToolCall | ToolResult)]


def test_new_results_that_are_larger_than_the_window_are_cut_and_say_so() -> None:
    many = [call(f"c{n}", "readFile", path=f"{n}") for n in range(4)]
    sizes = {"c0": "x" * 50_000, "c1": "y" * 100, "c2": "z" * 50_000, "c3": "w" * 2_000}
    loaded = Loaded((Asked("go"),), turns=(recorded(0, calls(*many), **sizes),))
    messages = built_within(5_000, loaded)
    results = [part.text for part in messages[-1].parts if isinstance(part, ToolResult)]
    assert [len(text) for text in results if "left out" not in text] == [100, 2_000]
    assert sum(map(len, results)) < 5_000 * CHARS_PER_TOKEN + 500
    assert results[0].endswith("Ask for it in smaller parts.]")


def test_a_thought_goes_when_what_stood_before_it_was_shortened() -> None:
    def thinking(n: int) -> RecordedTurn:
        wanted = call(f"c{n}", "readFile", path=f"{n}")
        parts = (ThinkingPart("hm", signature=f"proof {n}"), wanted)
        turn = Turn(AssistantMessage(parts), StopReason.TOOL_CALLS, Usage(), "m")
        return recorded(n, turn, **{f"c{n}": "x" * 3_000})

    def proofs(count: int) -> list[str]:
        turns = tuple(map(thinking, range(count)))
        messages = built_within(4_000, Loaded((Asked("go"),), turns=turns))
        parts = [part for message in messages for part in message.parts]
        return [part.signature for part in parts if isinstance(part, ThinkingPart)]

    assert proofs(5) == [f"proof {n}" for n in range(5)]
    assert proofs(6) == [], "the first results are shortened now"
    assert proofs(7) == ["proof 6"]


def test_a_result_that_is_cut_still_says_where_the_whole_of_it_is() -> None:
    said = "x" * 2_000 + f"[... 9 characters left out; {where_whole('out-0123456789ab')} ...]"
    shortened = words.result_cut(said, 400)
    assert shortened.endswith(
        "left out to save room; readOutput with handle 'out-0123456789ab' has it all.]"
    )
    assert "readOutput with handle 'out-0123456789ab'" in words.results_too_large(said, 1_000)
    assert words.result_cut("x" * 900, 400).endswith("left out to save room.]")
    assert words.results_too_large("x" * 900, 400).endswith("Ask for it in smaller parts.]")


def test_over_the_budget_old_results_of_the_running_answer_are_shortened() -> None:
    turns = tuple(
        recorded(n, calls(call(f"c{n}", "readFile", path=f"{n}")), **{f"c{n}": "x" * 5_000})
        for n in range(3)
    )
    messages = build_history(Loaded(past=(Asked("go"),), turns=turns), budget_tokens=2_000).messages
    sizes = [
        len(part.text)
        for message in messages
        for part in message.parts
        if isinstance(part, ToolResult)
    ]
    assert sizes[0] < 500
    assert sizes[1] < 500
    assert sizes[2] == 5_000


def test_the_beginning_stays_the_same_from_turn_to_turn() -> None:
    past = (Asked("a"), Answered("completed", "b" * 500), Asked("go"))
    turns = tuple(
        recorded(n, calls(call(f"c{n}", "readFile", path=f"{n}")), **{f"c{n}": "x" * 100})
        for n in range(6)
    )
    for count in range(6):
        shorter = build_history(Loaded(past, turns[:count]), budget_tokens=1_000).messages
        longer = build_history(Loaded(past, turns[: count + 1]), budget_tokens=1_000).messages
        assert longer[: len(shorter)] == shorter


def test_room_is_made_seldom_so_that_the_beginning_stays_the_same() -> None:
    turns = tuple(
        recorded(n, calls(call(f"c{n}", "readFile", path=f"src/{n}.ts")), **{f"c{n}": "x" * 3_000})
        for n in range(100)
    )
    past = (Asked("a"), Answered("completed", "", turns=turns[:30]), Asked("go"))
    changes = 0
    before: tuple[ModelMessage, ...] = ()
    for count in range(70):
        messages = built_within(10_000, Loaded(past, turns[30 : 30 + count]))
        changes += messages[: len(before)] != before
        before = messages
    assert 0 < changes <= 70 * 3_000 // 10_000, "once for each quarter of the budget, at most"


def test_remarks_stand_where_they_were_made() -> None:
    turns = (
        recorded(0, calls(call("c0", "listFiles")), c0="a"),
        recorded(1, calls(call("c1", "listFiles")), c1="a"),
    )
    messages = build_history(
        Loaded(past=(Asked("go"),), turns=turns),
        budget_tokens=PLENTY,
        remarks=Remarks().and_after(0, words.NUDGE).and_after(1, words.LAST_TURN),
    ).messages
    assert messages[2].parts[-1] == TextPart(words.NUDGE)
    assert messages[4].parts[-1] == TextPart(words.LAST_TURN)


def test_a_turn_of_nothing_but_a_lost_call_leaves_a_remark() -> None:
    lost = Turn(
        message=AssistantMessage(parts=()),
        stop_reason=StopReason.MAX_TOKENS,
        usage=Usage(),
        model="m",
        dropped_calls=("writeFile",),
    )
    messages = built(Asked("go"), turns=(RecordedTurn(0, lost), recorded(1, says("fine"))))
    assert messages == (user("go", words.calls_cut(("writeFile",))), assistant("fine"))
    assert_valid(ModelRequest(system="", messages=messages[:1]))
