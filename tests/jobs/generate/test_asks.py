"""The rules of a project hold while it is generated: a call is denied, or waits for the person."""

import asyncio

import pytest

from core.ids import ConversationId
from jobs.events import engine_event
from store.records import ApprovalRule, Ask, AskAnswer, MessageStatus
from tests.jobs.generate.site import DESCRIPTION, Site

pytestmark = pytest.mark.timeout(120)


async def test_a_generation_asks_its_person_and_goes_on(site: Site) -> None:
    project_id = (await site.store.projects.create(owner=site.owner, name="Ledger")).project_id
    rules = (
        ApprovalRule("writeFile", "deny", "/src/lib/b.js"),
        ApprovalRule("writeFile", "ask", "README.md"),
    )
    await site.store.projects.configure(project_id, owner=site.owner, change={"approvals": rules})
    async with site.worker() as engine:
        requested, run_id = await site.request(
            engine, project_id=project_id, description=DESCRIPTION
        )
        ask = await asked(site, requested.generation.conversation_id)
        assert (ask.tool_name, ask.paths, ask.rule) == ("writeFile", ("README.md",), rules[1])
        answered = await site.store.asks.answer(
            ask.ask_id, AskAnswer(decision="allow"), owner=site.owner
        )
        await engine.send(engine_event(answered.events[0]))
        await engine.wait(run_id, 90)
    assert (await site.ended(project_id)).status is MessageStatus.COMPLETED
    page = await site.store.files.list(project_id, owner=site.owner)
    paths = {entry.path for entry in page.items}
    assert "README.md" in paths
    assert "src/lib/b.js" not in paths
    assert "src/lib/money.js" in paths


async def test_a_generation_is_steered_by_a_message_in_its_conversation(site: Site) -> None:
    project_id = (await site.store.projects.create(owner=site.owner, name="Ledger")).project_id
    rules = (ApprovalRule("writeFile", "ask", "README.md"),)
    await site.store.projects.configure(project_id, owner=site.owner, change={"approvals": rules})
    async with site.worker() as engine:
        requested, run_id = await site.request(
            engine, project_id=project_id, description=DESCRIPTION
        )
        conversation_id = requested.generation.conversation_id
        ask = await asked(site, conversation_id)
        said = await site.store.messages.send(
            conversation_id, owner=site.owner, content="Say hello in it, too.", policy="steer"
        )
        assert said.steers == ask.message_id
        answered = await site.store.asks.answer(
            ask.ask_id, AskAnswer(decision="allow"), owner=site.owner
        )
        await engine.send(engine_event(answered.events[0]))
        await engine.wait(run_id, 90)
    assert (await site.ended(project_id)).status is MessageStatus.COMPLETED
    told = await site.store.messages.owned(said.user_message_id, owner=site.owner)
    assert told.steers == ask.message_id
    assert told.told_in is not None


async def asked(site: Site, conversation_id: ConversationId) -> Ask:
    """What it asks first."""
    async with asyncio.timeout(60):
        while True:
            asks = await site.store.asks.list(conversation_id, owner=site.owner)
            if asks:
                return asks[0]
            await asyncio.sleep(0.05)
