"""Questions and approvals: a run waits for its person, through restarts, and goes by the answer."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from agent import words
from agent.definition import Limits
from core.ids import MessageId, RunId
from engine import Engine
from jobs.events import engine_event
from llm.model import Turn
from store.records import ApprovalRule, Ask, AskAnswer, AskScope, MessageStatus
from tests.jobs.message.site import TASK, Site
from tests.support.scripted_turns import ScriptedTurns, call, calls, says
from tools.ask_user import ASK_USER

pytestmark = pytest.mark.timeout(60)

QUESTION = call("q1", "askUser", question="Which colour?", choices=["red", "blue"])
WRITES = ApprovalRule("writeFile", "ask", "src/**")


def writes(call_id: str, path: str) -> Any:
    return call(call_id, "writeFile", path=path, content="x\n")


@pytest.fixture(autouse=True)
def can_ask(site: Site) -> None:
    site.chat_tools = (ASK_USER,)


def script(site: Site, *turns: Turn) -> ScriptedTurns:
    model = site.model = ScriptedTurns([*turns, says("Done.")], by_turn=True)
    return model


async def rules(site: Site, *approvals: ApprovalRule) -> None:
    await site.store.projects.configure(
        site.project_id, owner=site.owner, change={"approvals": approvals}
    )


async def open_asks(site: Site, count: int = 1) -> list[Ask]:
    """Once there are so many, by their calls."""
    async with asyncio.timeout(20):
        while True:
            asks = await site.store.asks.list(site.conversation_id, owner=site.owner)
            found = [ask for ask in asks if ask.status == "open"]
            if len(found) == count:
                return sorted(found, key=lambda ask: ask.tool_call_id)
            await asyncio.sleep(0.02)


async def reply(site: Site, engine: Engine, ask: Ask, answer: AskAnswer) -> None:
    answered = await site.store.asks.answer(ask.ask_id, answer, owner=site.owner)
    for event in answered.events:
        await engine.send(engine_event(event))


def allow(scope: AskScope = "once") -> AskAnswer:
    return AskAnswer(decision="allow", scope=scope)


async def results(site: Site, message_id: MessageId) -> dict[str, str]:
    """By call, once the answer is whole."""
    message = await site.message_once(message_id, lambda it: it.status != MessageStatus.PROCESSING)
    assert message.status is MessageStatus.COMPLETED
    context = await site.store.messages.context(message_id, max_chars=0)
    return {each.tool_call_id: each.output or "" for each in context.tool_calls}


async def ends(site: Site, engine: Engine, run_id: RunId, message_id: MessageId) -> dict[str, str]:
    await engine.wait(run_id, 30)
    return await results(site, message_id)


async def files(site: Site) -> list[str]:
    page = await site.store.files.list(site.project_id, owner=site.owner)
    return sorted(entry.path for entry in page.items if entry.kind == "file")


async def test_a_question_is_answered_and_the_run_goes_on(site: Site) -> None:
    model = script(site, calls(QUESTION))
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        (ask,) = await open_asks(site)
        assert (ask.kind, ask.question, ask.choices) == (
            "question",
            "Which colour?",
            ("red", "blue"),
        )
        await reply(site, engine, ask, AskAnswer(choice="blue"))
        outputs = await ends(site, engine, run_id, message_id)
    assert outputs == {"q1": words.the_user_said("blue")}
    assert "askUser" in [tool.name for tool in model.requests[0].tools]


async def test_an_answer_while_no_worker_runs_is_seen_by_the_next_one(site: Site) -> None:
    script(site, calls(QUESTION))
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        (ask,) = await open_asks(site)
    answered = await site.store.asks.answer(ask.ask_id, AskAnswer(text="green"), owner=site.owner)
    async with site.worker() as engine:
        for event in answered.events:  # as the relay does
            await engine.send(engine_event(event))
        outputs = await ends(site, engine, run_id, message_id)
    assert outputs == {"q1": words.the_user_said("green")}
    assert len(await site.store.asks.list(site.conversation_id, owner=site.owner)) == 1


async def test_nobody_answers(site: Site) -> None:
    site.limits = Limits(ask_timeout=timedelta(seconds=0.3))
    await rules(site, WRITES)
    script(site, calls(QUESTION, writes("w1", "src/a.ts")))
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        outputs = await ends(site, engine, run_id, message_id)
    assert outputs == {"q1": words.NOBODY_ANSWERED, "w1": words.nobody_allowed("writeFile")}
    asks = await site.store.asks.list(site.conversation_id, owner=site.owner)
    assert [ask.status for ask in asks] == ["expired", "expired"]
    assert await files(site) == []


async def test_a_question_that_is_none_is_not_asked(site: Site) -> None:
    script(site, calls(call("q1", "askUser", question="Which?", choices=["one"])))
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        outputs = await ends(site, engine, run_id, message_id)
    assert "choices" in outputs["q1"]
    assert await site.store.asks.list(site.conversation_id, owner=site.owner) == ()


async def test_a_cancel_closes_what_is_asked_and_ends_the_run(site: Site) -> None:
    script(site, calls(QUESTION))
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        (ask,) = await open_asks(site)
        cancelled = await site.store.messages.cancel(message_id, owner=site.owner)
        for event in cancelled.events:
            await engine.send(engine_event(event))
        await engine.wait(run_id, 10)
        assert (await engine.run(run_id)).status == "cancelled"
    (ask,) = await site.store.asks.list(site.conversation_id, owner=site.owner)
    assert ask.status == "closed"


async def test_a_call_runs_when_it_is_allowed_and_not_when_it_is_denied(site: Site) -> None:
    await rules(site, WRITES)
    script(
        site,
        calls(writes("w1", "src/a.ts"), writes("w2", "src/b.ts"), writes("w3", "docs/c.md")),
    )
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        first, second = await open_asks(site, 2)
        assert (first.tool_name, first.paths, first.rule) == ("writeFile", ("src/a.ts",), WRITES)
        assert "+x" in (first.preview or "")
        await reply(site, engine, first, allow())
        await reply(site, engine, second, AskAnswer(decision="deny", text="Not that one."))
        outputs = await ends(site, engine, run_id, message_id)
    assert await files(site) == ["docs/c.md", "src/a.ts"]
    assert outputs["w2"] == words.denied("writeFile", "Not that one.")
    assert "Not that one." in outputs["w2"]


async def test_the_person_sees_what_a_call_would_change(site: Site) -> None:
    await site.store.files.write(site.project_id, "a.txt", b"one\ntwo\n", owner=site.owner)
    await rules(site, ApprovalRule("*", "ask"))
    edit = call("e1", "editFile", path="a.txt", oldString="two", newString="three")
    wrong = call("e2", "editFile", path="a.txt", oldString="four", newString="five")
    move = call("e3", "renameFile", path="a.txt", newPath="b.txt")
    script(site, calls(edit), calls(wrong), calls(move))
    seen: list[str] = []
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        for _ in range(3):
            (ask,) = await open_asks(site)
            seen.append(ask.preview or "")
            await reply(site, engine, ask, allow())
        await ends(site, engine, run_id, message_id)
    assert seen[0].startswith("changed a.txt\n@@")
    assert "-two\n+three" in seen[0]
    assert '"oldString": "four"' in seen[1]
    assert seen[2].startswith("renamed a.txt -> b.txt\n")
    assert await files(site) == ["b.txt"]


async def test_a_rule_that_denies_asks_nobody(site: Site) -> None:
    await rules(site, ApprovalRule("*", "deny", "src/**"))
    script(site, calls(writes("w1", "src/a.ts"), writes("w2", "b.ts")))
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        outputs = await ends(site, engine, run_id, message_id)
    assert outputs["w1"] == words.denied_by_rule("writeFile")
    assert await files(site) == ["b.ts"]
    assert await site.store.asks.list(site.conversation_id, owner=site.owner) == ()


async def test_what_is_allowed_for_the_run_is_asked_once_in_it(site: Site) -> None:
    await rules(site, WRITES)
    turns = [calls(writes(f"w{number}", f"src/{number}.ts")) for number in range(3)]
    script(site, *turns)
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        (ask,) = await open_asks(site)
        await reply(site, engine, ask, allow("run"))
        await ends(site, engine, run_id, message_id)
        assert await files(site) == ["src/0.ts", "src/1.ts", "src/2.ts"]
        assert len(await site.store.asks.list(site.conversation_id, owner=site.owner)) == 1
    site.model = ScriptedTurns([calls(writes("w9", "src/0.ts")), says("Done.")])
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, "Another run asks again.")
        (ask,) = await open_asks(site)
        await reply(site, engine, ask, AskAnswer(decision="deny"))
        await ends(site, engine, run_id, message_id)


async def test_what_is_allowed_for_always_is_a_rule_of_the_project(site: Site) -> None:
    await rules(site, WRITES)
    script(site, calls(writes("w1", "src/[id].ts")), calls(writes("w2", "src/[id].ts")))
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        (ask,) = await open_asks(site)
        await reply(site, engine, ask, allow("always"))
        await ends(site, engine, run_id, message_id)
    assert len(await site.store.asks.list(site.conversation_id, owner=site.owner)) == 1
    project = await site.store.projects.owned(site.project_id, owner=site.owner)
    allowed = ApprovalRule("writeFile", "allow", r"/src/\[id\].ts")
    assert project.settings.approvals == (allowed, WRITES)
