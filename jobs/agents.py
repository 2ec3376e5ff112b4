"""Who answers: decided for each run, never when the process starts."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from agent.definition import Agent, Limits
from agent.durable import Durable
from agent.prompt import PLAN_WORDS, SYSTEM_PROMPT, SYSTEM_PROMPT_BY_ID, budget_words
from engine import ReceivedEvent
from jobs.events import GenerateRequested, MessageSent, registries_of, sender_of
from jobs.mcp_servers import ProjectServers, ServerTools
from jobs.project_words import project_words
from llm.model import Model
from store.gateway import Store
from tools.registry import Toolbox
from tools.tool import AnyTool


class Agents:
    """Chooses model, tools, prompt and limits of a run from what the process offers.

    A run that is played again makes the same choice: the settings of the project stand in the
    event, as they were when it was made, and what else is stored (its MCP servers) is read in a
    step.

    Args:
        model: what reaches the providers.
        tools: what an agent may be given.
        limits: what bounds a run that nothing else bounds.
        servers: what knows the MCP servers of projects; None: they are not asked.
        store: where a project's rules are read; None: they are not.
        id_tools: what an agent is given instead where a project has chosen tools by ids.
        planning: what the agent of a chat keeps its plan with.
    """

    def __init__(  # noqa: PLR0913 - what is optional by name
        self,
        model: Model,
        tools: Sequence[AnyTool],
        limits: Limits,
        *,
        servers: ProjectServers | None = None,
        store: Store | None = None,
        id_tools: Sequence[AnyTool] = (),
        planning: Sequence[AnyTool] = (),
    ) -> None:
        self._model = model
        self._tools = tuple(tools)
        self._id_tools = tuple(id_tools)
        self._limits = limits
        self._servers = servers
        self._store = store
        self._planning = tuple(planning)
        self._budget = budget_words(limits.max_turns)

    async def for_message(self, event: ReceivedEvent[MessageSent], steps: Durable) -> Agent:
        """Who answers a message of a project's conversation."""
        asked, added, words = event.data, ServerTools(), ""
        owner, registries = sender_of(event), registries_of(asked)
        if self._store is not None:
            words = await project_words(self._store, asked.project_id, owner=owner, steps=steps)
        if asked.uses_mcp and self._servers is not None:
            added = await self._servers.tools_of(
                asked.project_id, owner=owner, registries=registries, steps=steps
            )
        tools, system = self._tools, SYSTEM_PROMPT
        if asked.tool_set == "ids":
            tools, system = self._id_tools, SYSTEM_PROMPT_BY_ID
        planning = PLAN_WORDS if self._planning else ""
        return Agent(
            model=self._model,
            toolbox=Toolbox((*tools, *self._planning, *added.tools)),
            system=system + self._budget + planning + words + added.remark,
            limits=self._limits,
            given=(registries,),
            cache_key=cache_key(asked.conversation_id),
        )

    async def for_failure(
        self,
        event: ReceivedEvent[MessageSent],  # noqa: ARG002 - as above
    ) -> Agent:
        """Who has failed to answer it, to be named: nothing of the project is asked for that."""
        toolbox = Toolbox(self._tools)
        return Agent(self._model, toolbox, system=SYSTEM_PROMPT, limits=self._limits)

    def for_generation(
        self,
        event: ReceivedEvent[GenerateRequested],
        words: str,
        *,
        max_turns: int,
        first_tool: str | None,
    ) -> Agent:
        """Who makes a part of a project: the agent of the chat, told `words` besides.

        Its calls are bounded so that all parts together stay within the steps of one run. Its tools
        are those by paths, whatever the project has chosen: `words` speak of them.
        """
        return Agent(
            model=self._model,
            toolbox=Toolbox(self._tools),
            system=f"{SYSTEM_PROMPT}\n{words}",
            limits=replace(
                self._limits, max_turns=max_turns, calls_per_turn=20, calls_per_answer=60
            ),
            first_tool=first_tool,
            given=(registries_of(event.data),),
            cache_key=cache_key(event.data.project_generation_id),
        )


def cache_key(thread: str) -> str:
    """Of the requests in a conversation or a generation: stable, and its id cannot be told from it.

    Hashed with a word of our own: the same id hashed elsewhere gives another key.
    """
    return hashlib.sha256(f"polaris prompt cache: {thread}".encode()).hexdigest()[:32]
