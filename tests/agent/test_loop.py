import asyncio

import pytest

from agent import words
from agent.loop import Limits
from agent.outcome import Ending
from agent.sizes import size_of
from agent.transcript import Answered, Asked
from core.ids import ToolCallId
from llm.faults import ModelUnavailable, PromptTooLong, StreamBroken
from llm.model import (
    AssistantMessage,
    ModelRequest,
    StopReason,
    TextPart,
    ToolResult,
    Turn,
    Usage,
    UserMessage,
)
from tests.agent.desk import Desk
from tests.support.scripted_turns import ScriptedTurns, call, calls, says


def results_sent(request: ModelRequest) -> list[ToolResult]:
    last = request.messages[-1]
    return [part for part in last.parts if isinstance(part, ToolResult)]


def remarks_sent(request: ModelRequest) -> str:
    last = request.messages[-1]
    assert isinstance(last, UserMessage)
    return "\n".join(part.text for part in last.parts if isinstance(part, TextPart))


async def test_an_answer_without_tools_is_streamed_and_finished() -> None:
    desk = Desk(ScriptedTurns([says("Hello, how can I help?")]))
    outcome = await desk.run()
    assert outcome.ending is Ending.FINISHED
    assert outcome.note == ""
    assert outcome.turns == 1
    assert desk.sink.shown == "Hello, how can I help?"
    assert await desk.text(outcome) == "Hello, how can I help?"


async def test_tool_results_reach_the_next_turn_and_files_change() -> None:
    model = ScriptedTurns(
        [
            calls(call("c1", "readFile", path="a.ts"), text="Let me look."),
            calls(call("c2", "editFile", path="a.ts", oldString="1", newString="2")),
            says("Done."),
        ]
    )
    desk = Desk(model, files={"a.ts": "const a = 1\n"})
    outcome = await desk.run()
    assert desk.workspace.files == {"a.ts": b"const a = 2\n"}
    assert [part.text for part in results_sent(model.requests[1])] == ["const a = 1\n"]
    assert outcome.turns == 3
    assert outcome.tool_calls == 2
    assert outcome.usage == Usage(input_tokens=30, output_tokens=15, cost_usd=0.75)


async def test_what_was_streamed_is_exactly_the_final_text() -> None:
    model = ScriptedTurns(
        [
            calls(call("c1", "listFiles"), text="First I look."),
            calls(call("c2", "listFiles", path="src")),
            says("That is all."),
        ]
    )
    desk = Desk(model, files={"src/a.ts": ""})
    outcome = await desk.run()
    assert desk.sink.shown == "First I look.\n\nThat is all."
    assert await desk.text(outcome) == desk.sink.shown


async def test_results_come_in_the_order_of_the_calls() -> None:
    wanted = [call(f"c{n}", "writeFile", path=f"f{n}.txt", content=str(n)) for n in range(12)]
    model = ScriptedTurns([calls(*wanted), says("Done.")])
    desk = Desk(model)
    await desk.run()
    assert [part.call_id for part in results_sent(model.requests[1])] == [
        part.call_id for part in wanted
    ]


async def test_calls_on_one_path_run_in_the_order_in_which_they_were_made() -> None:
    model = ScriptedTurns(
        [
            calls(
                call("c1", "writeFile", path="a.txt", content="one"),
                call("c2", "editFile", path="a.txt", oldString="one", newString="two"),
                call("c3", "renameFile", path="a.txt", newPath="b.txt"),
                call("c4", "editFile", path="b.txt", oldString="two", newString="three"),
            ),
            says("Done."),
        ]
    )
    desk = Desk(model)
    await desk.run()
    assert desk.workspace.files == {"b.txt": b"three"}
    assert not any(part.is_error for part in results_sent(model.requests[1]))


async def test_an_answer_ends_before_it_can_make_more_calls_than_a_run_has_steps() -> None:
    turns = [
        calls(*(call(f"c{n}-{m}", "listFiles", path=f"d{n}-{m}") for m in range(3)))
        for n in range(3)
    ]
    model = ScriptedTurns([*turns, says("This is how far I came.")])
    limits = Limits(max_turns=200, calls_per_turn=3, calls_per_answer=10)
    outcome = await Desk(model, limits=limits).run()
    assert (outcome.ending, outcome.tool_calls) == (Ending.STEP_CAP, 9)


async def test_at_the_step_cap_a_last_turn_without_tools_ends_the_run() -> None:
    turns = [calls(call(f"c{n}", "listFiles", path=f"d{n}")) for n in range(3)]
    model = ScriptedTurns([*turns, says("This is how far I came.")])
    desk = Desk(model, limits=Limits(max_turns=3))
    outcome = await desk.run()
    assert outcome.ending is Ending.STEP_CAP
    assert [request.tool_choice for request in model.requests] == ["auto"] * 4
    assert words.LAST_TURN in remarks_sent(model.requests[3])
    assert model.requests[3].tools == model.requests[0].tools
    assert await desk.text(outcome) == "This is how far I came."


async def test_calls_in_the_last_turn_are_not_run_and_the_next_one_forbids_them() -> None:
    """Only then: another `tool_choice` costs the provider's cache of the whole conversation."""
    model = ScriptedTurns(
        [
            calls(call("c1", "listFiles")),
            calls(call("c2", "writeFile", path="a.txt", content="x")),
            says("That is all."),
        ]
    )
    desk = Desk(model, limits=Limits(max_turns=1))
    outcome = await desk.run()
    assert desk.workspace.files == {}
    assert [request.tool_choice for request in model.requests] == ["auto", "auto", "none"]
    assert [part.text for part in results_sent(model.requests[2])] == [words.NOT_RUN_LAST]
    sent = len(model.requests[1].messages)
    assert model.requests[2].messages[:sent] == model.requests[1].messages
    assert await desk.text(outcome) == "That is all."


async def test_a_last_turn_that_says_something_is_the_last_whatever_it_calls() -> None:
    model = ScriptedTurns(
        [
            calls(call("c1", "listFiles")),
            calls(call("c2", "writeFile", path="a.txt", content="x"), text="So far."),
        ]
    )
    desk = Desk(model, limits=Limits(max_turns=1))
    outcome = await desk.run()
    assert outcome.ending is Ending.STEP_CAP
    assert await desk.text(outcome) == "So far."


async def test_a_model_that_never_stops_calling_gets_an_honest_ending() -> None:
    model = ScriptedTurns([calls(call(f"c{n}", "listFiles")) for n in range(9)])
    desk = Desk(model, limits=Limits(max_turns=1))
    assert await desk.text(await desk.run()) == words.STEP_CAP
    assert len(model.requests) == 3


async def test_a_run_that_repeats_itself_is_told_once_and_then_stopped() -> None:
    model = ScriptedTurns([calls(call(f"c{n}", "readFile", path="no.ts")) for n in range(9)])
    desk = Desk(model)
    outcome = await desk.run()
    assert outcome.ending is Ending.STUCK
    assert outcome.turns == 4
    assert words.NUDGE in remarks_sent(model.requests[3])
    assert "readFile" in await desk.text(outcome)


async def test_a_run_that_heeds_the_nudge_goes_on() -> None:
    stuck = [calls(call(f"c{n}", "readFile", path="no.ts")) for n in range(3)]
    model = ScriptedTurns([*stuck, calls(call("c4", "listFiles")), says("It is not there.")])
    outcome = await Desk(model).run()
    assert outcome.ending is Ending.FINISHED
    nudge_position = model.requests[3].messages[:-1]
    assert model.requests[4].messages[: len(nudge_position)] == nudge_position


async def test_sixty_different_writes_in_one_turn_are_no_loop() -> None:
    many = [call(f"c{n}", "writeFile", path=f"f{n}", content=str(n)) for n in range(60)]
    model = ScriptedTurns([calls(*many), says("Done.")])
    desk = Desk(model)
    outcome = await desk.run()
    assert outcome.ending is Ending.FINISHED
    assert remarks_sent(model.requests[1]) == ""
    assert len(desk.workspace.files) == 50


async def test_the_same_error_for_other_arguments_is_found() -> None:
    edits = [
        calls(call(f"c{n}", "editFile", path="a.ts", oldString=f"not there {n}", newString="x"))
        for n in range(10)
    ]
    model = ScriptedTurns(edits)
    desk = Desk(model, files={"a.ts": "const a = 1\n"})
    outcome = await desk.run()
    assert outcome.ending is Ending.STUCK
    assert outcome.turns == 5


async def test_an_announced_call_is_asked_for_once_and_then_the_run_ends() -> None:
    promise = says("Now let me fix the file:")
    desk = Desk(ScriptedTurns([calls(call("c1", "listFiles")), promise, promise, says("never")]))
    outcome = await desk.run()
    assert outcome.ending is Ending.STUCK
    assert (await desk.text(outcome)).endswith(words.ANNOUNCED_ONLY)


async def test_an_announced_call_that_comes_after_all_is_run() -> None:
    model = ScriptedTurns(
        [
            says("Let me create the file."),
            calls(call("c1", "writeFile", path="a.txt", content="x")),
            says("Done."),
        ]
    )
    desk = Desk(model)
    outcome = await desk.run()
    assert words.ANNOUNCED in remarks_sent(model.requests[1])
    assert desk.workspace.files == {"a.txt": b"x"}
    assert outcome.ending is Ending.FINISHED
    assert desk.sink.shown == await desk.text(outcome) == "Let me create the file.\n\nDone."


async def test_a_turn_that_ends_for_a_call_which_is_not_there_is_asked_again() -> None:
    model = ScriptedTurns([says("Hm.", stop_reason=StopReason.TOOL_CALLS), says("Done.")])
    outcome = await Desk(model).run()
    assert (outcome.ending, outcome.turns) == (Ending.FINISHED, 2)


async def test_the_same_call_with_changing_results_is_no_repetition() -> None:
    model = ScriptedTurns(
        [
            turn
            for n in range(4)
            for turn in (
                calls(call(f"r{n}", "readFile", path="a.txt")),
                calls(call(f"w{n}", "writeFile", path="a.txt", content=f"v{n}")),
            )
        ]
        + [says("Done.")]
    )
    outcome = await Desk(model, files={"a.txt": "start"}).run()
    assert outcome.ending is Ending.FINISHED


async def test_a_call_that_was_cut_off_is_not_run_and_the_model_is_told() -> None:
    cut = Turn(
        message=AssistantMessage(parts=()),
        stop_reason=StopReason.MAX_TOKENS,
        usage=Usage(),
        model="test/scripted",
        dropped_calls=("writeFile",),
    )
    model = ScriptedTurns([cut, says("That was too much.")])
    desk = Desk(model, files={"a.txt": "precious"})
    outcome = await desk.run()
    assert desk.workspace.files == {"a.txt": b"precious"}
    assert [part.text for part in results_sent(model.requests[1])] == [words.NOT_RUN_CUT]
    assert outcome.ending is Ending.FINISHED


@pytest.mark.parametrize(
    ("stop_reason", "ending", "note"),
    [
        (StopReason.REFUSAL, Ending.REFUSED, words.REFUSED),
        (StopReason.CONTEXT_FULL, Ending.CONTEXT_FULL, words.CONTEXT_FULL),
        (StopReason.MAX_TOKENS, Ending.CUT, words.ANSWER_CUT),
    ],
)
@pytest.mark.parametrize("text", ["", "Some words"])
async def test_an_answer_that_ends_early_says_why(
    stop_reason: StopReason, ending: Ending, note: str, text: str
) -> None:
    desk = Desk(ScriptedTurns([says(text, stop_reason=stop_reason)]))
    outcome = await desk.run()
    assert outcome.ending is ending
    assert await desk.text(outcome) == (f"{text}\n\n{note}" if text else note)
    assert desk.sink.shown == await desk.text(outcome)


async def test_calls_of_a_refused_turn_are_not_run() -> None:
    refused = calls(call("c1", "deleteFile", path="a.txt"), stop=StopReason.REFUSAL)
    desk = Desk(ScriptedTurns([refused]), files={"a.txt": "x"})
    outcome = await desk.run()
    assert outcome.ending is Ending.REFUSED
    assert desk.workspace.files == {"a.txt": b"x"}


async def test_an_empty_answer_is_replaced_by_an_honest_sentence() -> None:
    desk = Desk(ScriptedTurns([says("")]))
    assert await desk.text(await desk.run()) == words.NOTHING_SAID
    desk = Desk(ScriptedTurns([calls(call("c1", "listFiles")), says("  \n")]))
    assert (await desk.text(await desk.run())).endswith(words.DONE_SILENTLY)


async def test_a_broken_stream_is_taken_back_and_tried_again() -> None:
    model = ScriptedTurns(
        [StreamBroken("gone"), StreamBroken("gone", retry_after_s=7.0), says("Whole.")]
    )
    desk = Desk(model)
    outcome = await desk.run()
    assert await desk.text(outcome) == "Whole."
    assert desk.sink.shown == "Whole."
    assert desk.sink.resets == [0, 0]
    assert len(desk.pauses) == 2
    assert 0.3 < desk.pauses[0] < 1.0
    assert desk.pauses[1] == 7.0


async def test_what_broke_off_is_paid_for_as_far_as_it_is_known() -> None:
    known, unknown = StreamBroken("gone"), StreamBroken("gone")
    known.usage = Usage(input_tokens=100, output_tokens=1, cost_usd=0.5)
    desk = Desk(ScriptedTurns([known, unknown, says("Whole.")]))
    outcome = await desk.run()
    assert outcome.usage == Usage(input_tokens=110, output_tokens=6, cost_usd=0.75)


async def test_a_stream_that_keeps_breaking_ends_the_run_after_the_attempts() -> None:
    model = ScriptedTurns([StreamBroken("gone")] * 9)
    with pytest.raises(StreamBroken):
        await Desk(model, limits=Limits(stream_attempts=3)).run()
    assert len(model.requests) == 3


async def test_an_unreachable_model_ends_the_run_as_what_it_is() -> None:
    with pytest.raises(ModelUnavailable):
        await Desk(ScriptedTurns([ModelUnavailable("overloaded")])).run()


async def test_a_prompt_that_is_too_long_is_tried_shorter() -> None:
    past = [
        item
        for n in range(20)
        for item in (Asked(f"question {n}"), Answered(status="completed", text="x" * 4_000))
    ]
    model = ScriptedTurns([PromptTooLong("too long"), says("It fits.")])
    desk = Desk(
        model, past=[*past, Asked("and now?")], limits=Limits(history_tokens=30_000, condense_at=1)
    )
    outcome = await desk.run()
    assert await desk.text(outcome) == "It fits."
    assert size_of(model.requests[1].messages) < size_of(model.requests[0].messages)


async def test_a_request_that_was_too_long_is_never_sent_again() -> None:
    model = ScriptedTurns([PromptTooLong("too long")] * 9)
    with pytest.raises(PromptTooLong):
        await Desk(model, past=[Asked("x" * 10_000)]).run()
    assert len(model.requests) == 1


async def test_the_length_that_fits_is_remembered() -> None:
    past = [Asked("old"), Answered("completed", "x" * 90_000), Asked("new")]
    turns = [calls(call("c1", "listFiles")), says("Done.")]
    model = ScriptedTurns([PromptTooLong("too long"), *turns])
    desk = Desk(model, past=past, limits=Limits(history_tokens=30_000, condense_at=1))
    await desk.run()
    assert len(model.requests) == 3


async def test_the_window_of_the_model_is_the_budget_of_the_history() -> None:
    past = [
        item
        for n in range(20)
        for item in (Asked(f"question {n}"), Answered(status="completed", text="x" * 20_000))
    ]
    sizes: dict[int, int] = {}
    for window in (1_000_000, 200_000, 65_000, 32_000, 16_000):
        model = ScriptedTurns([says("Done.")], context_window=window)
        await Desk(model, past=[*past, Asked("and now?")], limits=Limits(condense_at=1)).run()
        sizes[window] = size_of(model.requests[0].messages)
    assert sizes[1_000_000] == sizes[200_000] > 400_000, "nothing is left out where it fits"
    assert 400_000 > sizes[65_000] > sizes[32_000] > sizes[16_000]
    assert all(size / 3 < window for window, size in sizes.items())
    lowered = ScriptedTurns([says("Done.")], context_window=1_000_000)
    limits = Limits(history_tokens=5_000, condense_at=1)
    await Desk(lowered, past=[*past, Asked("and?")], limits=limits).run()
    assert size_of(lowered.requests[0].messages) <= 20_000


async def test_two_calls_with_one_id_both_run() -> None:
    model = ScriptedTurns(
        [
            calls(
                call("call_0", "writeFile", path="a", content="1"),
                call("call_0", "writeFile", path="b", content="2"),
            ),
            calls(call("call_0", "writeFile", path="c", content="3")),
            says("Done."),
        ]
    )
    desk = Desk(model)
    await desk.run()
    assert sorted(desk.workspace.files) == ["a", "b", "c"]


async def test_calls_beyond_the_bound_of_a_turn_are_not_run_and_the_model_is_told() -> None:
    many = [call(f"c{n}", "writeFile", path=f"f{n}", content="") for n in range(5)]
    model = ScriptedTurns([calls(*many), says("Fewer, then.")])
    desk = Desk(model, limits=Limits(calls_per_turn=3))
    await desk.run()
    assert sorted(desk.workspace.files) == ["f0", "f1", "f2"]
    reasons = [part.text for part in results_sent(model.requests[1])][3:]
    assert reasons == [words.not_run_too_many(3)] * 2


async def test_a_run_whose_calls_are_cut_again_and_again_is_stopped() -> None:
    cut = Turn(AssistantMessage(()), StopReason.MAX_TOKENS, Usage(), "m", ("writeFile",))
    outcome = await Desk(ScriptedTurns([cut] * 9)).run()
    assert outcome.ending is Ending.STUCK
    assert outcome.turns == 4


async def test_half_a_character_does_not_spoil_the_conversation() -> None:
    model = ScriptedTurns(
        [
            calls(call("c1", "writeFile", path="a", content="x\ud83d y"), text="Now \ud83d"),
            says("Done \ud83d\ude00."),
        ]
    )
    desk = Desk(model)
    outcome = await desk.run()
    assert desk.workspace.files == {"a": "x\ufffd y".encode()}
    assert await desk.text(outcome) == "Now \ufffd\n\nDone 😀."
    assert desk.sink.shown.startswith("Now \ufffd\n\nDone ")


async def test_a_tool_that_does_not_exist_is_answered_with_the_list() -> None:
    model = ScriptedTurns([calls(call("c1", "formatDisk")), says("Sorry.")])
    await Desk(model).run()
    [result] = results_sent(model.requests[1])
    assert result.is_error
    assert "readFile" in result.text


async def test_cancel_closes_the_model_stream_at_once_and_records_nothing() -> None:
    model = ScriptedTurns([says("never said")], hang_in_turn=0)
    desk = Desk(model)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.run())
        await model.hanging.wait()
        running.cancel()
    assert running.cancelled()
    assert model.closed == 1
    assert desk.transcript.turns == []
    assert desk.sink.shown == model.partial


async def test_a_call_started_by_the_model_is_shown_before_it_runs() -> None:
    model = ScriptedTurns([calls(call("c1", "listFiles")), says("Done.")])
    desk = Desk(model)
    await desk.run()
    assert desk.sink.calls_started == [(0, ToolCallId("c1"), "listFiles")]
