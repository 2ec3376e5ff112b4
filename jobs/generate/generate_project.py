"""The job behind "Generate project": eight steps of the agent, then evidence that it builds."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal

from core.errors import NotFound
from core.ids import EventId, MessageId, OwnerId, ProjectGenerationId, ProjectId, RunId
from engine import CancelOn, Concurrency, FailureContext, JobContext, StepFailed, job
from jobs.agents import Agents
from jobs.answer.answer import RETRY, Answer, AnswerClosed
from jobs.answer.prefixed import Prefixed
from jobs.answer.words import failure_words
from jobs.events import GenerateCancelled, GenerateRequested, registries_of, sender_of
from jobs.files.folders import ProjectFolders
from jobs.generate.ending import fail_generation
from jobs.generate.plan import (
    MAX_REPAIRS,
    REPAIR_TURNS,
    STEPS,
    VERIFY,
    repair_prompt,
    step_prompt,
    system_words,
)
from jobs.generate.stacks import DEFAULT, STACKS, StackName
from jobs.generate.verification import Verifier, outcome_of
from store.errors import GenerationClosed
from store.gateway import Store
from store.records import MessageStatus, Verification
from tools.place import Provided
from tools.sandbox.sandbox import Sandbox

FIRST_TOOL = "writeFile"


@dataclass(frozen=True)
class GeneratedProject:
    """How the run ended. `closed`: it was cancelled, or its project deleted."""

    project_id: ProjectId
    status: Literal["completed", "closed"]


@dataclass(frozen=True)
class Request:
    """What is to be made, as it was when the run began."""

    description: str
    stack: str
    kept: tuple[str, ...]  # steps of an earlier request that have ended well


class Closed(Exception):
    """It is over: cancelled, or its project was deleted; nothing is wrong."""


async def mark_failed(ctx: FailureContext[GenerateRequested]) -> None:
    """Close the generation, and the answer that was being written, with the reason."""
    store, generation_id = ctx.need(Store), ctx.event.data.project_generation_id
    code, words = failure_words(ctx.error)

    async def fail() -> None:
        await fail_generation(
            store, generation_id, error=words, error_code=code, run_id=RunId(ctx.run_id)
        )

    await ctx.step.run("mark-failed", fail)


@job(
    "generate-project",
    on=GenerateRequested,
    cancel_on=[CancelOn(GenerateCancelled, match="data.projectGenerationId")],
    concurrency=[Concurrency(limit=1, key="event.data.projectId", counts="runs")],
    fairness="event.user.id",
    retries=RETRY,
    on_failure=mark_failed,
)
async def generate_project(ctx: JobContext[GenerateRequested]) -> GeneratedProject:
    """Make the project of the event: each part an answer in its conversation, then the checks."""
    project_id = ctx.event.data.project_id
    try:
        await _Generating(ctx, owner=sender_of(ctx.event)).make()
    except (Closed, AnswerClosed):
        return GeneratedProject(project_id, "closed")
    except StepFailed as failed:
        if failed.code in {GenerationClosed.code, NotFound.code}:
            return GeneratedProject(project_id, "closed")
        raise
    return GeneratedProject(project_id, "completed")


class _Generating:
    """One execution of the job's body."""

    def __init__(self, ctx: JobContext[GenerateRequested], *, owner: OwnerId) -> None:
        self._ctx = ctx
        self._owner = owner
        self._store = ctx.need(Store)
        self._id: ProjectGenerationId = ctx.event.data.project_generation_id
        self._project_id: ProjectId = ctx.event.data.project_id
        self._words = ""

    async def make(self) -> None:
        """All of it. Raises: Closed, AnswerClosed, StepFailed."""
        request = await self._ctx.step.run("load", self._load)
        stack = STACKS[_stack_of(request.stack)]
        self._words = system_words(request.description, stack)
        for step in STEPS:
            if step.name not in request.kept:
                prompt = step_prompt(step, stack, request.description)
                await self._answered(
                    step.name, prompt, max_turns=step.max_turns, first_tool=FIRST_TOOL
                )
        verification = await self._verified()
        await self._ctx.step.run(
            "complete", partial(self._store.generating.complete, self._id, verification)
        )

    async def _load(self) -> Request:
        generation = await self._store.generating.get(self._id)
        return Request(generation.description, generation.stack, generation.steps)

    async def _answered(
        self, name: str, prompt: str, *, max_turns: int, first_tool: str | None
    ) -> None:
        """Ask for a part in the conversation, and have the agent answer it."""

        async def ask() -> MessageId:
            return await self._store.generating.ask(
                self._id, run_id=RunId(self._ctx.run_id), step=name, prompt=prompt
            )

        message_id = await self._ctx.step.run(f"{name}/ask", ask)
        agents = self._ctx.need(Agents)
        agent = agents.for_generation(
            self._ctx.event, self._words, max_turns=max_turns, first_tool=first_tool
        )
        steps = Prefixed(self._ctx.step, name)
        agent = await agents.within_day(agent, owner=self._owner, steps=steps)
        answer = Answer(
            self._ctx,
            message_id,
            project_id=self._project_id,
            owner=self._owner,
            generation_id=EventId(message_id),
            among=name,
        )
        note = ""
        with suppress(AnswerClosed):  # cancelled, or finished by an attempt that died right after
            note = (await answer.write(agent)).note

        async def ended() -> MessageStatus:
            return await self._store.generating.step_ended(self._id, step=name, note=note)

        if await self._ctx.step.run(f"{name}/ended", ended) is not MessageStatus.COMPLETED:
            raise Closed

    async def _verified(self) -> Verification:
        """The project checked, mended and checked again; the evidence of the last time."""
        folder = self._ctx.need(ProjectFolders).folder(self._project_id, owner=self._owner)
        sandbox = self._ctx.need(Provided)(Sandbox)
        registries = registries_of(self._ctx.event.data)
        verifier = Verifier(self._store, self._id, folder, sandbox, registries)
        for repairs in range(MAX_REPAIRS + 1):
            found = await self._ctx.step.run(
                f"{VERIFY}-{repairs}", partial(verifier.check, repairs)
            )
            outcome = outcome_of(found, repairs)
            if outcome.state != "failed" or repairs == MAX_REPAIRS:
                return outcome
            number = repairs + 1
            prompt = repair_prompt(number, found.failure)
            await self._answered(
                f"repair-{number}", prompt, max_turns=REPAIR_TURNS, first_tool=None
            )
        raise AssertionError("the last round returns")


def _stack_of(name: str) -> StackName:
    """The stack of that name; the default for one that a newer version has known."""
    return StackName(name) if name in set(StackName) else DEFAULT
