"""What the person says while an answer is written, from the store to the model and back."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from core.clock import SystemClock
from core.ids import MessageId
from engine import Engine
from llm.faults import RateLimited
from llm.model import ModelEvent, ModelRequest, StopReason, TextPart, ToolResult
from store.records import MessageStatus, SentMessage
from tests.jobs.message.site import Site
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

pytestmark = pytest.mark.timeout(120)

Say = Callable[[], Awaitable[object]]


@dataclass
class Interrupted(ScriptedTurns):
    """Before it answers to a request, by number, the person says something."""

    meanwhile: Mapping[int, Say] = field(default_factory=dict[int, Say])

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        say = self.meanwhile.get(len(self.requests))
        if say is not None:
            await say()
        async for event in super().stream(request):
            yield event


async def steer(site: Site, text: str) -> SentMessage:
    return await site.store.messages.send(
        site.conversation_id, owner=site.owner, content=text, policy="steer", key=text
    )


async def test_it_is_told_behind_the_results_and_stays_there_for_later_messages(site: Site) -> None:
    site.model = model = Interrupted(
        [calls(call("c", "listFiles")), says("Voilà."), says("De rien.")],
        meanwhile={0: lambda: steer(site, "In French!")},
    )
    async with site.worker() as engine:
        answer = await site.answer(engine, "hello")
        await site.answer(engine, "thanks")
    assert answer.content == "Voilà."
    first, second, later = model.requests
    assert "In French!" not in str(first.messages)
    result, told = second.messages[-1].parts
    assert isinstance(result, ToolResult)
    assert told == TextPart("In French!")
    assert later.messages[: len(second.messages)] == second.messages
    assert str(later.messages).count("In French!") == 1


async def test_what_is_said_in_the_last_turn_is_answered_in_the_same_answer(site: Site) -> None:
    site.model = Interrupted(
        [says("Here."), says("Voici.")], meanwhile={0: lambda: steer(site, "In French!")}
    )
    async with site.worker() as engine:
        answer = await site.answer(engine, "hello")
    assert answer.content == "Here.\n\nVoici."
    said = await steer(site, "In French!")
    assert said.is_duplicate
    assert said.steers == answer.message_id
    told = await site.store.messages.owned(said.user_message_id, owner=site.owner)
    assert told.told_in == 1


async def test_what_comes_too_late_for_a_turn_is_answered_by_a_run_of_its_own(site: Site) -> None:
    site.model = model = Interrupted(
        [says("I will not.", stop_reason=StopReason.REFUSAL), says("Bien sûr.")],
        meanwhile={0: lambda: steer(site, "In French!")},
    )
    async with site.worker() as engine:
        answer = await site.answer(engine, "hello")
        said = await steer(site, "In French!")
        assert said.is_duplicate
        assert said.message_id != answer.message_id
        await relayed(site, engine, said.message_id)
    assert len(model.requests) == 2
    assert model.requests[1].messages[-1].parts[-1] == TextPart("In French!")


async def relayed(site: Site, engine: Engine, message_id: MessageId) -> None:
    """The message is completed, by nothing but what the outbox holds."""
    async with site.relaying(engine):
        await site.message_once(message_id, lambda it: it.status == MessageStatus.COMPLETED)


async def test_what_is_said_while_the_provider_is_waited_for_is_told_after_it(site: Site) -> None:
    until = SystemClock().now() + timedelta(seconds=3)
    site.model = model = Interrupted([RateLimited("later", retry_at=until), says("Voilà.")])
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, "hello")
        await site.message_once(message_id, lambda it: it.waiting_until is not None)
        await steer(site, "In French!")
        await engine.wait(run_id, 30)
    assert model.requests[-1].messages[-1].parts[-1] == TextPart("In French!")
