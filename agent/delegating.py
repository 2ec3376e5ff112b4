"""When a call of a run is handed to a sub-agent, and what comes of the call."""

from pydantic import ValidationError

from agent import words
from agent.definition import Agent
from agent.sub_agents import Handed, Report, SubAgents, Task, TaskRef
from core.usage import Usage
from llm.model import ToolCall
from tools.output import ToolOutput
from tools.tasks import OWN_TOOLS, TASK_NAME, TaskArguments


class Delegating:
    """Hands on for one run. Where there are no sub-agents the tool says so."""

    def __init__(self, agent: Agent, sub_agents: SubAgents | None) -> None:
        self._agent = agent
        self.sub_agents = sub_agents

    def is_task(self, name: str) -> bool:
        """Whether calls of the tool are handed on."""
        is_known = name == TASK_NAME and name in self._agent.toolbox.names
        return is_known and self.sub_agents is not None

    async def open(self, number: int, call: ToolCall, *, before: int) -> TaskRef:
        """Ask for the task of a call; `before` counts those that the answer has had."""
        try:
            asked = TaskArguments.model_validate(dict(call.arguments))
        except ValidationError:
            return TaskRef()  # the tool says what is wrong with it
        refused = self._refusal(asked, before=before)
        if refused or self.sub_agents is None:
            return TaskRef(refused=refused)
        title = " ".join(asked.description.split())
        task = Task(number, call.call_id, title, asked.prompt, asked.model)
        task_id = await self.sub_agents.open(task)
        return TaskRef(task_id, tools=asked.tools, model=asked.model)

    async def report(self, handed: Handed | None) -> Report | None:
        """What comes of a call that was handed on; None: it is the tool that answers."""
        if handed is None or self.sub_agents is None:
            return None
        if handed.ref.task_id is not None:
            return await self.sub_agents.report(handed.ref.task_id, handed.end)
        if handed.ref.refused:
            return Report(ToolOutput(handed.ref.refused, is_error=True), Usage())
        return None

    def _refusal(self, asked: TaskArguments, *, before: int) -> str:
        limit = self._agent.limits.tasks_per_answer
        if before >= limit:
            return words.too_many_tasks(limit)
        can_have = [name for name in self._agent.toolbox.names if name not in OWN_TOOLS]
        unknown = [name for name in asked.tools or () if name not in can_have]
        if unknown:
            return words.not_for_tasks(unknown, can_have)
        if asked.model is not None and asked.model not in self._agent.task_models:
            return words.no_such_model(asked.model, self._agent.task_models)
        return ""
