"""Whole projects from a sentence: routes, and what goes in and comes out."""

from typing import Annotated, Literal

from pydantic import Field

from app.http.access import CONFLICT, CallerDep, ServicesDep, api_router
from app.http.errors import InvalidRequest
from app.http.messages.wire import ID_LIMIT_CHARS, MESSAGE_LIMIT_CHARS, Sent
from app.http.parameters import IdempotencyKey
from app.services.generating import DEFAULT_STACK, Progress, StackName
from app.wire.shapes import Answer, Body, Millis, Name, Success
from core.errors import NotFound
from core.ids import ConversationId, MessageId, ProjectGenerationId, ProjectId

router = api_router("generate")

DESCRIPTION_LEAST_CHARS = 10
DESCRIPTION_LIMIT_CHARS = 100_000

ProjectIdField = Annotated[ProjectId, Field(min_length=1, max_length=ID_LIMIT_CHARS)]


class NewGeneration(Body):
    """What to make. With `projectId`, that project is gone on with, and what is good stays."""

    description: Annotated[
        str | None,
        Field(
            min_length=DESCRIPTION_LEAST_CHARS,
            max_length=DESCRIPTION_LIMIT_CHARS,
            pattern=r"\S",
            examples=["A shop for second-hand bicycles with a cart and an admin page"],
            description="May be left out with `projectId`: then it is the one of before.",
        ),
    ] = None
    project_name: Name | None = None
    project_id: ProjectIdField | None = None
    stack: StackName | None = Field(
        None, description=f"`{DEFAULT_STACK}` by default; with `projectId`, the one of before."
    )


class GenerationStarted(Success):
    """The project is there and its generation under way."""

    project_id: ProjectId
    project_generation_id: ProjectGenerationId
    conversation_id: ConversationId = Field(description="Where the steps are asked and answered.")
    run_id: str | None = Field(
        None, description="Missing when the engine is away: the run starts once it is back."
    )


class CancelGeneration(Body):
    """The project whose generation is to stop."""

    project_id: ProjectIdField


class GenerationCancelled(Success):
    """`cancelled` is false when nothing was running."""

    cancelled: bool


class CheckAnswer(Answer):
    """A command that was run on the project; without `exitCode` it was ended by us."""

    command: str
    took_s: float
    output: str = Field(description="The last of what it printed.")
    exit_code: int | None = None


class VerificationAnswer(Answer):
    """The evidence: what was run on the project in the sandbox, and how it ended."""

    state: Literal["verified", "failed", "notVerified"]
    reason: str = Field(description="What failed, or why nothing could be run.")
    repairs: int = Field(description="How often the agent was given the errors; 3 at most.")
    checks: tuple[CheckAnswer, ...]


class GenerationEventAnswer(Answer):
    """A line of the log."""

    type: Literal["step", "file", "info", "error"]
    message: str
    created_at: Millis
    file_path: str | None = None
    preview: str | None = Field(None, description="The first 500 characters of the file.")


class GenerationStatus(Answer):
    """How far the newest generation of a project is."""

    project_id: ProjectId
    project_generation_id: ProjectGenerationId
    conversation_id: ConversationId
    status: Literal["processing", "completed", "failed", "cancelled"]
    progress: int = Field(ge=0, le=100, description="Per cent of eight steps and the checks.")
    stack: str
    steps: tuple[str, ...] = Field(description="Those that have ended well, in order.")
    current_step: str | None = None
    message_id: MessageId | None = Field(None, description="The answer of the current step.")
    verification: VerificationAnswer | None = None
    error: str | None = None
    error_code: str | None = None
    created_at: Millis
    ended_at: Millis | None = None
    events: tuple[GenerationEventAnswer, ...] = Field(description="The last 200, oldest first.")


class NewPrompt(Body):
    """The first message of a project that does not exist yet."""

    prompt: str = Field(
        min_length=1,
        max_length=MESSAGE_LIMIT_CHARS,
        pattern=r"\S",
        examples=["Make a tic-tac-toe game in TypeScript"],
    )


class PromptSent(Sent):
    """The project is there, and the prompt is being answered in its conversation."""

    project_id: ProjectId
    conversation_id: ConversationId


@router.post("/projects/generate", response_model_exclude_none=True, responses=CONFLICT)
async def generate_project(
    body: NewGeneration, services: ServicesDep, caller: CallerDep, key: IdempotencyKey = None
) -> GenerationStarted:
    """Make a whole project from a description, in eight steps that end with evidence.

    The files are written by the agent, a step after the other, and can be followed live; then the
    project is installed, type-checked, built and tested in the sandbox, and mended up to three
    times. A project is generated once at a time (409).
    """
    if body.description is None and body.project_id is None:
        raise InvalidRequest("Description is required", field="description")
    started = await services.generating.start(
        owner=caller.owner,
        description=body.description,
        name=body.project_name,
        project_id=body.project_id,
        stack=body.stack,
        key=key,
    )
    return GenerationStarted(
        project_id=started.generation.project_id,
        project_generation_id=started.generation.project_generation_id,
        conversation_id=started.generation.conversation_id,
        run_id=started.run_id,
    )


@router.post("/projects/generate/cancel")
async def cancel_generation(
    body: CancelGeneration, services: ServicesDep, caller: CallerDep
) -> GenerationCancelled:
    """Stop a project's generation and its answers; the files made so far stay."""
    stopped = await services.generating.cancel(body.project_id, owner=caller.owner)
    return GenerationCancelled(cancelled=stopped)


@router.get("/projects/generate/status/{project_id}", response_model_exclude_none=True)
async def get_generation_status(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> GenerationStatus:
    """How far the newest generation of a project is, with its log and its evidence."""
    progress = await services.generating.progress(project_id, owner=caller.owner)
    if progress is None:
        raise NotFound("This project was not generated")
    return _status(progress)


@router.post("/projects/create-with-prompt", response_model_exclude_none=True)
async def create_with_prompt(
    body: NewPrompt, services: ServicesDep, caller: CallerDep, key: IdempotencyKey = None
) -> PromptSent:
    """Make a project with a name of its own, and send its first message to the agent."""
    receipt = await services.generating.with_prompt(body.prompt, owner=caller.owner, key=key)
    return PromptSent.model_validate(receipt)


def _status(progress: Progress) -> GenerationStatus:
    found = progress.generation
    return GenerationStatus(
        project_id=found.project_id,
        project_generation_id=found.project_generation_id,
        conversation_id=found.conversation_id,
        status=found.status.value,
        progress=progress.percent,
        stack=found.stack,
        steps=found.steps,
        current_step=found.current_step,
        message_id=found.message_id,
        verification=found.verification and VerificationAnswer.model_validate(found.verification),
        error=found.error,
        error_code=found.error_code,
        created_at=found.created_at,
        ended_at=found.ended_at,
        events=tuple(GenerationEventAnswer.model_validate(event) for event in progress.events),
    )
