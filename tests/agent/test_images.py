"""Images of results and of the person: which of them a model is shown, and what it is told else."""

from agent.history import build_history
from agent.images import MAX_IMAGES, MAX_IMAGES_CHARS, NOT_SHOWN, NOT_SHOWN_AGAIN
from agent.transcript import Answered, Asked, Loaded, Past, RecordedTurn
from core.ids import ToolCallId
from llm.model import Image, ModelMessage, TextPart, ToolResult
from tests.support.scripted_turns import call, calls
from tools.output import ImagePart, ToolOutput

PLENTY = 1_000_000


def looked(number: int, data: str = "aGVsbG8=") -> RecordedTurn:
    call_id = ToolCallId(f"c{number}")
    output = ToolOutput(f"image {number}", parts=(ImagePart("image/png", data),))
    turn = calls(call(call_id, "readFile", path=f"{number}.png"))
    return RecordedTurn(number, turn, frozenset({call_id}), {call_id: output})


def results(*turns: RecordedTurn, budget_tokens: int = PLENTY) -> list[ToolResult]:
    loaded = Loaded((Asked("Look."),), turns)
    messages = build_history(loaded, budget_tokens=budget_tokens).messages
    return [part for each in messages for part in each.parts if isinstance(part, ToolResult)]


def test_the_images_of_the_running_answer_are_shown() -> None:
    first, second = results(looked(0), looked(1, "AAAA"))
    assert first.images == (Image("image/png", "aGVsbG8="),)
    assert (second.text, second.images) == ("image 1", (Image("image/png", "AAAA"),))


def test_the_newest_are_shown_as_far_as_a_request_may_have_them() -> None:
    many = results(*map(looked, range(MAX_IMAGES + 3)))
    assert [bool(result.images) for result in many] == [False] * 3 + [True] * MAX_IMAGES
    assert many[0].text == f"image 0\n{NOT_SHOWN}"
    large = "A" * (MAX_IMAGES_CHARS // 2)
    assert [bool(r.images) for r in results(*(looked(n, large) for n in range(3)))] == [
        False,
        True,
        True,
    ]


def test_an_image_takes_room_and_goes_with_what_is_shortened() -> None:
    turns = [looked(number) for number in range(8)]
    shown = results(*turns, budget_tokens=10_000)
    assert shown
    assert shown[-1].images
    assert not all(result.images for result in shown)
    assert all(NOT_SHOWN in result.text for result in shown if not result.images)


def test_an_earlier_answer_is_told_as_it_was_recorded() -> None:
    past = (Asked("Look."), Answered("completed", "Done.", (looked(0),)), Asked("And now?"))
    messages = build_history(Loaded(past), budget_tokens=PLENTY).messages
    assert any(isinstance(part, ToolResult) for each in messages for part in each.parts)


def asked(number: int) -> Asked:
    image = Image("image/png", f"{number:04}")
    return Asked(f"look at {number}", (image,), attached=f"image a{number}.png")


def shown(messages: tuple[ModelMessage, ...]) -> list[str]:
    parts = [part for message in messages for part in message.parts]
    return [part.data for part in parts if isinstance(part, Image)]


def test_an_image_of_the_person_stands_before_what_they_said() -> None:
    (message,) = build_history(Loaded((asked(1),)), budget_tokens=10_000).messages
    assert message.parts == (Image("image/png", "0001"), TextPart("look at 1"))


def test_only_the_newest_images_of_the_person_are_shown() -> None:
    past = tuple(asked(number) for number in range(MAX_IMAGES + 2))
    (message,) = build_history(Loaded(past), budget_tokens=100_000).messages
    assert shown((message,)) == [f"{number:04}" for number in range(2, MAX_IMAGES + 2)]
    assert message.parts[0] == TextPart(NOT_SHOWN_AGAIN)


def test_an_exchange_that_is_only_listed_names_its_images_and_has_their_bytes_no_more() -> None:
    answers = [Answered("completed", "I see. " * 400) for _ in range(6)]
    past: list[Past] = []
    for number, answer in enumerate(answers):
        past += [asked(number), answer]
    past.append(Asked("And now?"))
    history = build_history(Loaded(tuple(past)), budget_tokens=12_000)
    assert history.is_shortened
    first = history.messages[0].parts[0]
    assert isinstance(first, TextPart)
    assert "look at 0 [attached: image a0.png]" in first.text
    assert "0000" not in shown(history.messages)
    assert "0005" in shown(history.messages)
