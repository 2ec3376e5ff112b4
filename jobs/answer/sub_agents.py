"""The sub-agents of an answer: each a run of its own, with a conversation that nobody else uses."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agent import words
from agent.durable import Durable
from agent.means import Budget
from agent.sub_agents import Report, Task, TaskEnd, TaskId, TaskRef
from core.ids import MessageId, OwnerId
from core.usage import Usage
from engine import JobRef, StepFailed
from jobs.answer.attempt import Attempt
from jobs.answer.words import failure_words
from jobs.events import MessageSent, TaskAsked
from store.gateway import Store
from store.records import MessageContext, MessageStatus
from tools.output import ToolOutput

RUN_TASK = JobRef[Any]("run-task")


class StoreSubAgents:
    """See `agent.sub_agents.SubAgents`.

    Args:
        attempt: the right to write the answer that they work for.
        asked: what that answers: they work by the same settings.
    """

    def __init__(
        self, store: Store, attempt: Attempt, asked: MessageSent, *, owner: OwnerId
    ) -> None:
        self._store = store
        self._attempt = attempt
        self._asked = asked
        self._owner = owner

    async def open(self, task: Task) -> TaskId:
        """Write the question and the placeholder of its answer. Raises: GenerationClosed."""
        message_id = await self._store.tasks.open(
            await self._attempt.lease(),
            turn=task.number,
            tool_call_id=task.call_id,
            title=task.title,
            prompt=task.prompt,
            model=task.model,
        )
        return TaskId(message_id)

    async def run(
        self, steps: Durable, key: str, task: TaskRef, *, budgets: Sequence[Budget]
    ) -> TaskEnd:
        """Invoke the job; a failure of the child is none of this run."""
        if task.task_id is None:
            raise ValueError("a task that was not asked for cannot be run")
        asked = self._asked
        data = TaskAsked(
            message_id=MessageId(task.task_id),
            works_for=self._attempt.message_id,
            tools=task.tools,
            budgets=tuple(replace(budget, asks=False) for budget in budgets),
            project_id=asked.project_id,
            owner_id=self._owner,
            uses_mcp=asked.uses_mcp,
            tool_set=asked.tool_set,
            registries=asked.registries,
            model=task.model or asked.model,
            approvals=asked.approvals,
        )
        try:
            await steps.invoke(key, RUN_TASK, data.model_dump(mode="json", by_alias=True))
        except StepFailed as failed:
            return TaskEnd(*failure_words(failed))
        return TaskEnd()

    async def report(self, task_id: TaskId, end: TaskEnd) -> Report:
        """Its last words. Raises: NotFound."""
        message_id = MessageId(task_id)
        if end.error_code:  # the run may have ended without a word, or before it could say one
            await self._store.generations.fail(
                message_id, error=end.error, error_code=end.error_code
            )
        context = await self._store.messages.context(message_id, max_chars=0)
        is_good = context.message.status is MessageStatus.COMPLETED
        return Report(
            ToolOutput(_told(context), is_error=not is_good),
            context.message.usage or Usage(),
        )


def _told(context: MessageContext) -> str:
    message = context.message
    said = ""
    for turn in sorted(context.turns, key=lambda turn: turn.turn):
        prose = "".join(part.text or "" for part in turn.parts if part.type == "text")
        said = prose.strip() or said
    match message.status:
        case MessageStatus.COMPLETED:
            remark = words.task_cut(message.ended_early) if message.ended_early else ""
            said = said or message.content or words.TASK_SILENT
        case MessageStatus.CANCELLED:
            remark = words.TASK_STOPPED
        case _:
            remark = words.task_failed(message.error or "")
    return "\n\n".join(part for part in (remark, said) if part)
