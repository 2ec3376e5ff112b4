"""What the product adds at the end of an answer reaches those who follow it, once."""

from collections.abc import Sequence

import pytest

from agent import words
from agent.definition import Limits
from agent.outcome import Ending, Outcome, close_answer
from agent.transcript import Asked, MemoryTranscript, RecordedTurn
from core.ids import EventId, MessageId, OwnerId, RunId
from core.usage import Usage
from jobs.answer.attempt import Attempt
from jobs.answer.live_answers import LiveAnswers, Whose
from jobs.answer.sink import StoreSink
from store import Store
from store.records import DeltaRun, SentMessage
from tests.jobs.message.conftest import site
from tests.jobs.message.site import TASK, Site
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

__all__ = ["site"]
pytestmark = pytest.mark.timeout(120)

CAPPED = Outcome(Ending.STEP_CAP, words.STEP_CAP, turns=1, tool_calls=0, usage=Usage(), model="m")


def shown(runs: Sequence[DeltaRun]) -> str:
    """What a reader has who has followed all of it."""
    parts: dict[int, str] = {}
    for run in runs:
        if run.kind == "reset":
            parts = {part: text for part, text in parts.items() if part < run.part}
        elif run.kind == "text":
            parts[run.part] = parts.get(run.part, "") + run.text
    return "".join(text for _, text in sorted(parts.items()))


async def seen(store: Store, message_id: MessageId, owner: OwnerId) -> str:
    return shown((await store.messages.deltas(message_id, owner=owner)).runs)


def sink(site: Site, sent: SentMessage) -> StoreSink:
    """Of a new attempt."""
    attempt = Attempt(
        site.store, sent.message_id, generation_id=EventId(sent.event_id), run_id=RunId("run")
    )
    whose = Whose(sent.message_id, site.project_id, site.owner)
    return StoreSink(attempt, whose, LiveAnswers())


async def test_it_is_the_end_of_the_stream_as_of_the_text(site: Site) -> None:
    site.limits = Limits(max_turns=1)
    turn = calls(call("c1", "listFiles", path=""), text="I look.")
    site.model = ScriptedTurns([turn, says("")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert answer.content == f"I look.\n\n{words.STEP_CAP}"
    assert await seen(site.store, answer.message_id, site.owner) == answer.content


@pytest.mark.parametrize("said", ["I look.", ""])
async def test_it_is_there_once_after_a_process_that_died_while_it_ended(
    site: Site, said: str
) -> None:
    sent = await site.store.messages.send(
        site.conversation_id, owner=site.owner, content=TASK, policy="cancel"
    )
    transcript = MemoryTranscript([Asked(TASK)], [RecordedTurn(0, says(said))])
    first = sink(site, sent)
    if said:
        await first.text(0, said)
    text = await close_answer(transcript, first, CAPPED)
    assert text == (f"{said}\n\n{words.STEP_CAP}" if said else words.STEP_CAP)
    assert await seen(site.store, sent.message_id, site.owner) == text
    for again in (first, sink(site, sent)):  # the step is tried again; another process takes over
        assert await close_answer(transcript, again, CAPPED) == text
        assert await seen(site.store, sent.message_id, site.owner) == text


async def test_an_answer_without_such_a_sentence_ends_as_it_was(site: Site) -> None:
    site.model = ScriptedTurns([says("Done.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    page = await site.store.messages.deltas(answer.message_id, owner=site.owner)
    assert "".join(run.text for run in page.runs) == answer.content == "Done."
