"""Who answers: decided for each run, never when the process starts."""

import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from agent.definition import Agent, Limits
from agent.durable import Durable
from agent.means import Budget
from agent.prompt import (
    PLAN_WORDS,
    SYSTEM_PROMPT,
    SYSTEM_PROMPT_BY_ID,
    TASK_WORDS,
    budget_words,
)
from core.ids import OwnerId, RunId
from core.usage import Usage
from engine import ReceivedEvent
from jobs.events import (
    GenerateRequested,
    MessageSent,
    TaskAsked,
    approvals_of,
    registries_of,
    sender_of,
)
from jobs.mcp_servers import ProjectServers, ServerTools
from jobs.project_words import project_words
from jobs.recording.recorder import Recorder, Recordings
from llm.model import Model
from store.gateway import Store
from store.records import Bounds, Means, Used
from tools.plan import TODO_NAME
from tools.registry import Toolbox
from tools.tasks import OWN_TOOLS
from tools.tool import AnyTool

log = logging.getLogger(__name__)

TASK_TURNS = 25  # of a sub-agent: a part of an answer is smaller than one


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
        models: what people may choose, by `provider/model`.
        day_budget: what all answers of a person may take on a day.
        conversation_budget: what all answers of a conversation may take that has no budget.
        raisable: of which budgets a person may give more when they are used up.
        chat_tools: what it is given besides where it answers a person.
        recordings: where runs are recorded; None: they are not.
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
        models: Mapping[str, Model] | None = None,
        day_budget: Budget | None = None,
        chat_tools: Sequence[AnyTool] = (),
        recordings: Recordings | None = None,
        conversation_budget: Budget | None = None,
        raisable: Collection[str] = (),
    ) -> None:
        self._conversation_budget = conversation_budget
        self._raisable = frozenset(raisable)
        self._recordings = recordings
        self._day_budget = day_budget
        self._model = model
        self._models = models or {}
        self._tools = tuple(tools)
        self._id_tools = tuple(id_tools)
        self._chat_tools = tuple(chat_tools)
        self._limits = limits
        self._servers = servers
        self._store = store
        self._budget = budget_words(limits.max_turns)

    def recorder(self, run_id: str) -> Recorder | None:
        """What records a run; None: nothing does."""
        return None if self._recordings is None else self._recordings.recorder(RunId(run_id))

    async def for_message(self, event: ReceivedEvent[MessageSent], steps: Durable) -> Agent:
        """Who answers a message of a project's conversation."""
        asked, owner = event.data, sender_of(event)
        plans = any(tool.name == TODO_NAME for tool in self._chat_tools)
        said = self._budget + PLAN_WORDS * plans
        agent = await self._in_project(asked, said, self._chat_tools, owner=owner, steps=steps)
        agent = replace(agent, cache_key=cache_key(asked.conversation_id))
        if not asked.asks_for_means:
            return await self.within_day(agent, owner=owner, steps=steps)
        return await self._within_means(agent, asked, owner=owner, steps=steps)

    async def _within_means(
        self, agent: Agent, asked: MessageSent, *, owner: OwnerId, steps: Durable
    ) -> Agent:
        """The agent, bound by its budgets; step `means`, if one of a conversation or day is set."""
        budgets = list(agent.limits.budgets)
        day, conversation, store = self._day_budget, self._conversation_budget, self._store
        if store is not None and (day or conversation or asked.has_budget):

            async def read() -> Means:
                today = agent.clock.now().date()
                return await store.usage.means(asked.conversation_id, owner=owner, day=today)

            means = await steps.run("means", read)
            if day is not None:
                budgets.append(_bound(day, means.day_budget, means.day))
            unbound = conversation or Budget("conversation")
            budgets.append(_bound(unbound, means.conversation_budget, means.conversation))
        limited = tuple(replace(each, asks=each.of in self._raisable) for each in budgets)
        return replace(agent, limits=replace(agent.limits, budgets=limited))

    async def for_task(self, asked: TaskAsked, steps: Durable) -> Agent:
        """Who does a task for the agent of a message, with what is left of that one's budgets."""
        owner, turns = asked.owner_id, min(self._limits.max_turns, TASK_TURNS)
        said = budget_words(turns) + TASK_WORDS
        agent = await self._in_project(asked, said, (), owner=owner, steps=steps)
        names = agent.toolbox.names if asked.tools is None else asked.tools
        budgets = asked.budgets
        if budgets is None:
            own = self._limits.budgets
            budgets = tuple(replace(each, used=each.used + asked.used) for each in own)
        agent = replace(
            agent,
            toolbox=agent.toolbox.only(frozenset(names) - OWN_TOOLS),
            limits=replace(self._limits, max_turns=turns, budgets=budgets),
            cache_key=cache_key(asked.message_id),
        )
        if asked.budgets is not None:
            return agent
        return await self.within_day(agent, owner=owner, steps=steps)

    async def _in_project(
        self,
        asked: MessageSent | TaskAsked,
        said: str,
        also: Sequence[AnyTool],
        *,
        owner: OwnerId,
        steps: Durable,
    ) -> Agent:
        """An agent with the tools, rules and servers of a project; `said` stands in its prompt."""
        added, words, registries = ServerTools(), "", registries_of(asked)
        if self._store is not None:
            words = await project_words(self._store, asked.project_id, owner=owner, steps=steps)
        if asked.uses_mcp and self._servers is not None:
            added = await self._servers.tools_of(
                asked.project_id, owner=owner, registries=registries, steps=steps
            )
        tools, system = self._tools, SYSTEM_PROMPT
        if asked.tool_set == "ids":
            tools, system = self._id_tools, SYSTEM_PROMPT_BY_ID
        return Agent(
            model=self._chosen(asked.model),
            toolbox=Toolbox((*tools, *also, *added.tools)),
            system=system + said + words + added.remark,
            limits=self._limits,
            given=(registries,),
            approvals=approvals_of(asked),
            task_models=tuple(self._models),
        )

    async def within_day(self, agent: Agent, *, owner: OwnerId, steps: Durable) -> Agent:
        """The agent, bound by what is left of its person's day; step `day-usage`, if it is bound.

        Answers that are written at the same time do not see what each other takes.
        """
        budget, store = self._day_budget, self._store
        if budget is None or store is None:
            return agent

        async def read() -> Usage:
            today = agent.clock.now().date()
            used = await store.usage.summary(owner=owner, first=today, last=today, by="day")
            return used.total.usage

        used = await steps.run("day-usage", read)
        budgets = (*agent.limits.budgets, replace(budget, used=used))
        return replace(agent, limits=replace(agent.limits, budgets=budgets))

    async def for_failure(self, event: ReceivedEvent[MessageSent]) -> Agent:
        """Who has failed to answer it, to be named: nothing of the project is asked for that."""
        return self._failed(event.data.model)

    def for_failed_task(self, asked: TaskAsked) -> Agent:
        """The same of a task."""
        return self._failed(asked.model)

    def _failed(self, model: str | None) -> Agent:
        toolbox = Toolbox(self._tools)
        return Agent(self._chosen(model), toolbox, system=SYSTEM_PROMPT, limits=self._limits)

    def _chosen(self, name: str | None) -> Model:
        """The model of that name; the default for none, and for one that is allowed no more."""
        if name is None:
            return self._model
        if name not in self._models:
            log.warning("model_not_allowed_any_more", extra={"model": name})
        return self._models.get(name, self._model)

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
            approvals=approvals_of(event.data),
            cache_key=cache_key(event.data.project_generation_id),
        )


def _bound(budget: Budget, chosen: Bounds | None, used: Used) -> Budget:
    """With what was chosen instead, and with what was taken of it."""
    bounds = Bounds(budget.tokens, budget.usd) if chosen is None else chosen
    return replace(budget, tokens=bounds.tokens, usd=bounds.usd, used=used.usage)


def cache_key(thread: str) -> str:
    """Of the requests in a conversation or a generation: stable, and its id cannot be told from it.

    Hashed with a word of our own: the same id hashed elsewhere gives another key.
    """
    return hashlib.sha256(f"polaris prompt cache: {thread}".encode()).hexdigest()[:32]
