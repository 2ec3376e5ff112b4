"""A long conversation is summed up once, in the store: later messages go on from there."""

import pytest

from agent.definition import Limits
from llm.model import Image, ModelRequest, ToolCall
from store.records import MessageStatus
from tests.jobs.message.site import Site
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

pytestmark = pytest.mark.timeout(120)

READS = 12
TEXT = b"const answer = 42\n" * 200
SUMMARY = "## Decisions\nPrices are in cents."


def told(request: ModelRequest) -> str:
    return "\n".join(
        part.name if isinstance(part, ToolCall) else part.text
        for message in request.messages
        for part in message.parts
        if not isinstance(part, Image)
    )


async def test_later_messages_go_on_from_the_summary(site: Site) -> None:
    reads = [calls(call(f"c{n}", "readFile", path=f"{n}.ts")) for n in range(READS)]
    files = {f"{n}.ts": TEXT for n in range(READS)}
    await site.store.files.write_many(site.project_id, files, owner=site.owner)
    site.limits = Limits(max_turns=READS + 5, history_tokens=3_000)
    site.model = ScriptedTurns([*reads, says("Read.")], summary=SUMMARY)
    async with site.worker() as engine:
        message = await site.answer(engine, "Read all of it.")
    assert message.status == MessageStatus.COMPLETED
    made = await site.store.messages.condensations(message.message_id, owner=site.owner)
    assert made
    assert {one.text for one in made} == {SUMMARY}
    assert [one.turn for one in made] == sorted({one.turn for one in made})
    assert message.usage is not None
    assert message.usage.output_tokens == 5 * (READS + 1 + len(made))
    page = await site.store.messages.deltas(message.message_id, owner=site.owner)
    assert [run.part for run in page.runs if run.kind == "condensing"] == [one.turn for one in made]
    site.model = model = ScriptedTurns([says("In cents.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, "How are prices kept?")
    assert answer.content == "In cents."
    assert SUMMARY in told(model.requests[0])
    assert "Read all of it." in told(model.requests[0])
    assert len(told(model.requests[0])) < len(TEXT) * READS / 2
    assert await site.store.messages.condensations(answer.message_id, owner=site.owner) == ()
