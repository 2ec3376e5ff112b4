"""Whole projects from a description: requested by the API, made by a job, followed by people."""

from typing import Literal

from core.ids import MessageId, OwnerId, ProjectGenerationId, ProjectId, RunId, new_id
from store.client import ConvexHttp
from store.records import (
    MessageStatus,
    OutboxEvent,
    ProjectGeneration,
    RequestedGeneration,
    Verification,
)
from store.rows import decode, encode


class ProjectGenerations:
    """`request` and `latest` go through the owner; the rest take ids from our own events only."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def request(  # noqa: PLR0913 - the fields of a request
        self,
        *,
        owner: OwnerId,
        name: str,
        project_id: ProjectId | None = None,
        description: str | None = None,
        stack: str | None = None,
        key: str | None = None,
    ) -> RequestedGeneration:
        """Write the project, the row of its generation and the event, all or nothing.

        With `project_id` an existing project is gone on with: description and stack are those of
        its last request where they are not given, and as long as they stay the same, steps that
        have ended well are kept. The same `key` gives the first answer again.

        Raises:
            NotFound: not the owner's project.
            Conflict: it is being generated already.
            Refused: no description, one of more than 100,000 characters, or a bad name.
        """
        args = {
            "ownerId": owner,
            "externalId": key or new_id("req"),
            "name": name,
            "projectId": project_id,
            "description": description,
            "stack": stack,
        }
        value = await self._http.mutation("system/generating:request", args)
        return decode(RequestedGeneration, value)

    async def latest(self, project_id: ProjectId, *, owner: OwnerId) -> ProjectGeneration | None:
        """The newest of a project; None where nothing was generated. Raises: NotFound."""
        args = {"ownerId": owner, "projectId": project_id}
        value = await self._http.query("system/generating:latest", args)
        return None if value is None else decode(ProjectGeneration, value)

    async def cancel(self, project_id: ProjectId, *, owner: OwnerId) -> tuple[OutboxEvent, ...]:
        """Stop what is generated in a project; the events that stop the runs, none if none ran.

        Raises: NotFound.
        """
        args = {"ownerId": owner, "projectId": project_id}
        value = await self._http.mutation("system/generating:cancel", args)
        return tuple(decode(OutboxEvent, event) for event in value)

    async def get(self, generation_id: ProjectGenerationId) -> ProjectGeneration:
        """One of them. Raises: NotFound: its project was deleted."""
        value = await self._http.query("system/generating:get", _of(generation_id))
        return decode(ProjectGeneration, value)

    async def ask(
        self, generation_id: ProjectGenerationId, *, run_id: RunId, step: str, prompt: str
    ) -> MessageId:
        """Write the question of a step and the placeholder of its answer, once; the latter's id.

        Raises:
            GenerationClosed: it is over.
            NotFound: its project was deleted.
        """
        args = _of(generation_id) | {"runId": run_id, "step": step, "prompt": prompt}
        return MessageId(str(await self._http.mutation("system/generating:ask", args)))

    async def step_ended(
        self, generation_id: ProjectGenerationId, *, step: str, note: str = ""
    ) -> MessageStatus:
        """Note what came of a step's answer, which is final; `note` is shown with it.

        A step that was cancelled or failed ends the generation. What comes back is how the step
        ended, or the generation if it is over.

        Raises:
            GenerationClosed: the answer is being written by a later attempt.
            NotFound: its project was deleted.
        """
        args = _of(generation_id) | {"step": step, "note": note}
        return MessageStatus(await self._http.mutation("system/generating:ended", args))

    async def note(
        self,
        generation_id: ProjectGenerationId,
        *,
        key: str,
        type: Literal["step", "info", "error"],  # noqa: A002 - the row's name
        message: str,
        step: str | None = None,
    ) -> None:
        """Add a line to the log, once for each `key`; with `step`, that is what is done now.

        Raises:
            GenerationClosed: it is over.
            NotFound: its project was deleted.
        """
        args = _of(generation_id) | {"key": key, "type": type, "message": message, "step": step}
        await self._http.mutation("system/generating:note", args)

    async def complete(
        self, generation_id: ProjectGenerationId, verification: Verification
    ) -> None:
        """All steps have ended well; one that is over is left as it is. Raises: NotFound."""
        args = _of(generation_id) | {"verification": encode(verification)}
        await self._http.mutation("system/generating:complete", args)

    async def fail(
        self, generation_id: ProjectGenerationId, *, error: str, error_code: str
    ) -> None:
        """It will not be finished; one that is over is left as it is. Raises: NotFound."""
        args = _of(generation_id) | {"error": error, "errorCode": error_code}
        await self._http.mutation("system/generating:fail", args)


def _of(generation_id: ProjectGenerationId) -> dict[str, object]:
    return {"projectGenerationId": generation_id}
