from agent import words
from agent.history import Remarks, build_messages
from agent.transcript import Answered, Asked, Loaded, Past, RecordedTurn
from core.ids import ToolCallId
from llm.model import (
    AssistantMessage,
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
from tests.agent.models import call, calls, says
from tests.agent.validity import assert_valid
from tools.tool import ToolOutput

PLENTY = 100_000


def built(*past: Past, turns: tuple[RecordedTurn, ...] = ()) -> tuple[ModelMessage, ...]:
    return build_messages(Loaded(past=past, turns=turns), budget_tokens=PLENTY)


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


def test_thinking_stays_in_the_running_answer_only_and_only_with_its_proof() -> None:
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
    assert past[1] == AssistantMessage(parts=(call("c1", "listFiles"),))


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


def test_over_the_budget_the_oldest_exchanges_go_whole() -> None:
    past = [
        item
        for n in range(10)
        for item in (Asked(f"question {n}"), Answered("completed", f"{n}" * 1_000))
    ]
    loaded = Loaded(past=(*past, Asked("now")))
    messages = build_messages(loaded, budget_tokens=1_000)
    assert messages[0] == user(words.LEFT_OUT, "question 9")
    assert messages[-1] == user("now")
    assert len(messages) == 3


def test_the_message_to_answer_is_sent_whatever_its_size() -> None:
    loaded = Loaded(past=(Asked("old"), Answered("completed", "old"), Asked("x" * 100_000)))
    [message] = build_messages(loaded, budget_tokens=1_000)
    assert message.parts[-1] == TextPart("x" * 100_000)


def test_over_the_budget_old_results_of_the_running_answer_are_shortened() -> None:
    turns = tuple(
        recorded(n, calls(call(f"c{n}", "readFile", path=f"{n}")), **{f"c{n}": "x" * 5_000})
        for n in range(3)
    )
    messages = build_messages(Loaded(past=(Asked("go"),), turns=turns), budget_tokens=2_000)
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
        shorter = build_messages(Loaded(past, turns[:count]), budget_tokens=1_000)
        longer = build_messages(Loaded(past, turns[: count + 1]), budget_tokens=1_000)
        assert longer[: len(shorter)] == shorter


def test_remarks_stand_where_they_were_made() -> None:
    turns = (
        recorded(0, calls(call("c0", "listFiles")), c0="a"),
        recorded(1, calls(call("c1", "listFiles")), c1="a"),
    )
    messages = build_messages(
        Loaded(past=(Asked("go"),), turns=turns),
        budget_tokens=PLENTY,
        remarks=Remarks(nudged_after=0, is_last_turn=True),
    )
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
