"""Who answers: decided for each run, never when the process starts."""

from collections.abc import Sequence
from dataclasses import replace

from agent.definition import Agent, Limits
from agent.durable import Durable
from agent.prompt import SYSTEM_PROMPT, budget_words
from engine import ReceivedEvent
from jobs.events import MessageSent, sender_of
from jobs.mcp_servers import ProjectServers, ServerTools
from jobs.project_words import project_words
from llm.model import Model
from store.gateway import Store
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
        servers: what knows the MCP servers of projects; None: they are not asked.
        store: where a project's rules are read; None: they are not.
    """

    def __init__(
        self,
        model: Model,
        tools: Sequence[AnyTool],
        limits: Limits,
        servers: ProjectServers | None = None,
        store: Store | None = None,
    ) -> None:
        self._model = model
        self._tools = tuple(tools)
        self._limits = limits
        self._servers = servers
        self._store = store
        self._system = SYSTEM_PROMPT + budget_words(limits.max_turns)

    async def for_message(self, event: ReceivedEvent[MessageSent], steps: Durable) -> Agent:
        """Who answers a message of a project's conversation."""
        added, words = ServerTools(), ""
        owner, project_id = sender_of(event), event.data.project_id
        if self._store is not None:
            words = await project_words(self._store, project_id, owner=owner, steps=steps)
        if event.data.uses_mcp and self._servers is not None:
            added = await self._servers.tools_of(project_id, owner=owner, steps=steps)
        return Agent(
            model=self._model,
            toolbox=Toolbox((*self._tools, *added.tools)),
            system=self._system + words + added.remark,
            limits=self._limits,
        )

    async def for_failure(
        self,
        event: ReceivedEvent[MessageSent],  # noqa: ARG002 - as above
    ) -> Agent:
        """Who has failed to answer it, to be named: nothing of the project is asked for that."""
        toolbox = Toolbox(self._tools)
        return Agent(self._model, toolbox, system=self._system, limits=self._limits)

    def for_generation(self, words: str, *, max_turns: int, first_tool: str | None) -> Agent:
        """Who makes a part of a project: the agent of the chat, told `words` besides.

        Its calls are bounded so that all parts together stay within the steps of one run.
        """
        return Agent(
            model=self._model,
            toolbox=Toolbox(self._tools),
            system=f"{SYSTEM_PROMPT}\n{words}",
            limits=replace(
                self._limits, max_turns=max_turns, calls_per_turn=20, calls_per_answer=60
            ),
            first_tool=first_tool,
        )
