"""Who answers: decided for each run, never when the process starts."""

from collections.abc import Sequence

from agent.definition import Agent, Limits
from agent.durable import Durable
from agent.prompt import SYSTEM_PROMPT
from engine import ReceivedEvent
from jobs.events import MessageSent
from llm.model import Model
from tools.registry import Toolbox
from tools.tool import AnyTool


class Agents:
    """Chooses model, tools, prompt and limits of a run from what the process offers.

    A choice that depends on what is stored (settings of the project, its rules file, its MCP
    servers) is made in a step, so that a run which is played again makes the same one.

    Args:
        model: what reaches the providers.
        tools: what an agent may be given.
        limits: what bounds a run that nothing else bounds.
    """

    def __init__(self, model: Model, tools: Sequence[AnyTool], limits: Limits) -> None:
        self._model = model
        self._tools = tuple(tools)
        self._limits = limits

    async def for_message(
        self,
        event: ReceivedEvent[MessageSent],  # noqa: ARG002 - whose project a choice goes by
        steps: Durable,  # noqa: ARG002 - where it is recorded
    ) -> Agent:
        """Who answers a message of a project's conversation."""
        return Agent(
            model=self._model,
            toolbox=Toolbox(self._tools),
            system=SYSTEM_PROMPT,
            limits=self._limits,
        )
