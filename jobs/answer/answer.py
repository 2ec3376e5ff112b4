"""The path of every job that runs an agent: an agent in, an answer in the store."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from agent.definition import Agent
from agent.loop import run_agent
from agent.outcome import Outcome, close_answer
from agent.person import Person
from agent.transcript import Transcript
from core.errors import NotFound
from core.ids import EventId, MessageId, OwnerId, ProjectId, RunId, ToolCallId
from engine import FailureContext, JobContext, RetryPolicy, StepFailed
from jobs.answer.attempt import Attempt
from jobs.answer.live_answers import LiveAnswers, Whose
from jobs.answer.person import StorePerson
from jobs.answer.prefixed import Prefixed
from jobs.answer.records import ended_early
from jobs.answer.sink import StoreSink
from jobs.answer.sub_agents import StoreSubAgents
from jobs.answer.transcript import StoreTranscript
from jobs.answer.words import failure_words
from jobs.events import MessageSent
from jobs.files.folders import ProjectFolders
from jobs.recording.recorder import Recorder
from store.errors import GenerationClosed
from store.gateway import Store
from store.records import FileEdit
from tools.place import Provided
from tools.workspace.port import Workspace

# A step that fails has had the retries of the model client and of the store client before, a minute
# or two of them: once more, and the person hears of it.
RETRY = RetryPolicy(max_attempts=2, min_timeout=2.0)


class AnswerClosed(Exception):
    """The answer was final, or gone, before the run could finish it; nothing is wrong."""


class Answer:
    """One execution of a job body that writes an answer; each turn and tool call is a step.

    Args:
        generation_id: which answering of the message this is; by default the event's id says it.
        among: what stands before the names of its steps, in a run that writes several answers.
        recorder: what records the run; None: nothing does.
        works_for: the answer that it ends with, where a sub-agent writes it.
    """

    def __init__(  # noqa: PLR0913 - what an answer is of
        self,
        ctx: JobContext[Any],
        message_id: MessageId,
        *,
        project_id: ProjectId,
        owner: OwnerId,
        generation_id: EventId | None = None,
        among: str = "",
        recorder: Recorder | None = None,
        works_for: MessageId | None = None,
    ) -> None:
        self._store = ctx.need(Store)
        steps = ctx.step if recorder is None else recorder.steps(ctx.step)
        self._steps = Prefixed(steps, among) if among else steps
        self._recorder = recorder
        self._attempt = Attempt(
            self._store,
            message_id,
            generation_id=generation_id or EventId(ctx.event.id),
            run_id=RunId(ctx.run_id),
        )
        whose = Whose(message_id, project_id, owner, works_for)
        self._sink = StoreSink(self._attempt, whose, ctx.need(LiveAnswers))
        self._folder = ctx.need(ProjectFolders).folder(project_id, owner=owner)
        self._provided = ctx.need(Provided)
        self._owner = owner

    async def write(self, agent: Agent, *, for_tasks: MessageSent | None = None) -> Outcome:
        """Run the agent and finish the answer. It has sub-agents where `for_tasks` is given.

        Raises:
            AnswerClosed: somebody ended it before.
            StepFailed: it could not be written; `fail` is to say so.
        """
        need = self._provided.also(*agent.given)
        edits: dict[ToolCallId, Sequence[FileEdit]] = {}
        kept = StoreTranscript(
            self._store,
            self._attempt,
            self._folder,
            need,
            edited=None if self._recorder is None else edits.__setitem__,
        )
        transcript: Transcript = kept
        if self._recorder is not None:
            transcript = self._recorder.transcript(
                kept, files=self._pulled, edits=lambda call_id: edits.pop(call_id, ())
            )
        try:
            with self._folder.in_use():
                outcome = await run_agent(
                    agent,
                    transcript=transcript,
                    sink=self._sink,
                    steps=self._steps,
                    person=self._person(),
                    sub_agents=for_tasks and self._sub_agents(for_tasks),
                )
            await self._steps.run("finish", self._finisher(kept, outcome))
        except StepFailed as failed:
            if failed.code in {GenerationClosed.code, NotFound.code}:
                raise AnswerClosed from failed
            raise
        return outcome

    async def _pulled(self) -> Workspace:
        await self._folder.pull()
        return self._folder.workspace

    def _person(self) -> Person:
        person = StorePerson(self._store, self._attempt)
        return person if self._recorder is None else self._recorder.person(person)

    def _sub_agents(self, asked: MessageSent) -> StoreSubAgents:
        return StoreSubAgents(self._store, self._attempt, asked, owner=self._owner)

    def _finisher(
        self, transcript: StoreTranscript, outcome: Outcome
    ) -> Callable[[], Awaitable[None]]:
        """The last step: what the product adds is shown; then the whole text and the status."""

        async def finish() -> None:
            if self._recorder is not None:
                await self._recorder.ended(outcome)
            text = await close_answer(transcript, self._sink, outcome)
            await self._store.generations.complete(
                await self._attempt.lease(),
                text=text,
                model=outcome.model or None,
                usage=outcome.usage,
                is_history_cut=outcome.is_shortened,
                ended_early=ended_early(outcome.ending),
            )

        return finish


async def fail_answer(ctx: FailureContext[Any], message_id: MessageId, agent: Agent) -> None:
    """Close the answer with the reason, in words for the person; the text so far is kept."""
    store = ctx.need(Store)
    code, words = failure_words(ctx.error)

    async def fail() -> None:
        try:
            await store.generations.fail(
                message_id,
                error=words,
                error_code=code,
                run_id=ctx.run_id,
                model=agent.model.name,
            )
        except NotFound:  # its project was deleted meanwhile
            return

    await ctx.step.run("mark-failed", fail)
