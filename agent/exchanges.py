"""A conversation as questions with what was said and done for each."""

from dataclasses import dataclass

from agent import words
from agent.transcript import Answered, Asked, Loaded, RecordedTurn, text_of_turns
from llm.model import AssistantMessage, Image, StopReason, TextPart, Turn, Usage


@dataclass(frozen=True)
class Answer:
    """What came after a question; `ended` says to the model how it ended, if not well."""

    turns: tuple[RecordedTurn, ...]
    ended: str = ""
    is_running: bool = False
    is_brief: bool = False


@dataclass(frozen=True)
class Exchange:
    """A question with its answers: none, one, or several where some were stopped."""

    question: str
    answers: tuple[Answer, ...] = ()
    images: tuple[Image, ...] = ()
    attached: str = ""


def exchanges_of(loaded: Loaded) -> list[Exchange]:
    """The conversation, ending with the question to answer and the answer so far.

    Answers before the first question are dropped: a history starts with the user.
    """
    grouped: list[tuple[Asked, list[Answer]]] = []
    for item in loaded.past:
        if isinstance(item, Asked):
            grouped.append((item, []))
        elif grouped:
            grouped[-1][1].append(_past_answer(item))
    if grouped:
        grouped[-1][1].append(Answer(loaded.turns, is_running=True))
    return [
        Exchange(
            asked.text if asked.text.strip() else words.EMPTY_MESSAGE,
            tuple(answers),
            asked.images,
            asked.attached,
        )
        for asked, answers in grouped
    ]


def _past_answer(answered: Answered) -> Answer:
    turns = answered.turns
    unrecorded = _unrecorded_text(answered)
    if unrecorded:
        turns = (*turns, _said(unrecorded, len(turns)))
    match answered.status:
        case "cancelled":
            ended = words.WAS_CANCELLED
        case "failed":
            ended = words.was_failed(answered.error)
        case "completed":
            ended = ""
    return Answer(turns, ended, is_brief=answered.is_brief)


def _unrecorded_text(answered: Answered) -> str:
    """What the person saw beyond the recorded turns: a turn that broke off, or a closing note."""
    recorded = text_of_turns(answered.turns)
    if not answered.text.startswith(recorded):
        return ""
    return answered.text[len(recorded) :].strip()


def _said(text: str, number: int) -> RecordedTurn:
    message = AssistantMessage(parts=(TextPart(text),))
    return RecordedTurn(number, Turn(message, StopReason.END, Usage(), model=""))
