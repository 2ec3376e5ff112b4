"""How a run of the agent ended, and the words for it."""

from dataclasses import dataclass
from enum import StrEnum

from agent.sink import Sink
from agent.transcript import PARAGRAPH, Transcript, text_of_turns
from llm.model import Usage


class Ending(StrEnum):
    """Why the loop stopped asking the model."""

    FINISHED = "finished"
    STEP_CAP = "step_cap"
    STUCK = "stuck"
    CUT = "cut"
    REFUSED = "refused"
    CONTEXT_FULL = "context_full"
    ANSWER_BUDGET = "answer_budget"
    CONVERSATION_BUDGET = "conversation_budget"
    DAY_BUDGET = "day_budget"


@dataclass(frozen=True)
class Outcome:
    """What the run came to; small, so that a job can return it.

    `note` is a sentence for the person that the model did not say: why the answer is short or
    missing. It is part of the answer's text. `usage` sums all turns; `model` is that of the last,
    and empty where there was none.
    `is_shortened`: the model was told less than all of the conversation, in some turn.
    """

    ending: Ending
    note: str
    turns: int
    tool_calls: int
    usage: Usage
    model: str
    is_shortened: bool = False


async def close_answer(transcript: Transcript, sink: Sink, outcome: Outcome) -> str:
    """The final text of the answer: all turns, then the note, which is shown as the others were.

    It reads the transcript, and may be done twice: call it inside a step. Raises: as the sink does.
    """
    loaded = await transcript.load(whole_chars=0)
    text = text_of_turns(loaded.turns)
    if not outcome.note:
        return text
    note = f"{PARAGRAPH}{outcome.note}" if text else outcome.note
    part = outcome.turns  # behind the last turn: a reset takes back the note alone
    await sink.reset(part)
    await sink.text(part, note)
    await sink.flush()
    return text + note
