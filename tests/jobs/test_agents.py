"""Who answers: what the agent of a chat has, and that of a generation does not."""

from datetime import UTC, datetime
from typing import TypeVar

from agent.definition import Limits
from agent.durable import NotDurable
from agent.prompt import PLAN_WORDS
from core.ids import ConversationId, EventId, MessageId, ProjectGenerationId, ProjectId
from engine import EventData, ReceivedEvent
from jobs.agents import Agents
from jobs.events import GenerateRequested, MessageSent
from tests.support.scripted_turns import ScriptedTurns
from tools.files import FILE_TOOLS
from tools.planning import PLANNING_TOOLS

D = TypeVar("D", bound=EventData)


def received(data: D) -> ReceivedEvent[D]:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return ReceivedEvent("any", data, EventId("e"), now, None, {"id": "ann"})


def agents(*, with_plans: bool) -> Agents:
    planning = PLANNING_TOOLS if with_plans else ()
    return Agents(ScriptedTurns([]), FILE_TOOLS, Limits(), chat_tools=planning)


SENT = received(
    MessageSent(
        message_id=MessageId("m"),
        conversation_id=ConversationId("c"),
        project_id=ProjectId("p"),
    )
)
REQUESTED = received(
    GenerateRequested(project_generation_id=ProjectGenerationId("g"), project_id=ProjectId("p"))
)


async def test_in_a_chat_there_is_a_plan_and_a_word_about_it() -> None:
    agent = await agents(with_plans=True).for_message(SENT, NotDurable())
    assert "todo" in agent.toolbox.names
    assert PLAN_WORDS in agent.system
    bare = await agents(with_plans=False).for_message(SENT, NotDurable())
    assert "todo" not in bare.toolbox.names
    assert "todo" not in bare.system


def test_a_generation_has_its_steps_and_no_plan() -> None:
    agent = agents(with_plans=True).for_generation(REQUESTED, "", max_turns=5, first_tool=None)
    assert "todo" not in agent.toolbox.names
    assert "todo" not in agent.system
    assert agent.cache_key
