"""Public events and tasks: which there are, and the service of our own routes that does each."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never, cast

from pydantic import ValidationError

from app.services.choosing import Choosing
from app.services.clients.payloads import (
    CancelPayload,
    ExportCancelPayload,
    ExportPayload,
    GenerateCancelPayload,
    GeneratePayload,
    ImportCancelPayload,
    ImportPayload,
    MessageCancelPayload,
    MessagePayload,
    StartPayload,
)
from app.services.generating import Generating
from app.services.messages import Messaging
from app.services.transfers import Signed, Transferring
from core.errors import NotFound, Refused
from core.ids import EventId, OwnerId, new_id
from core.invalid import place_of, problem_text
from core.text import PROBLEM, unstorable_at
from jobs.triggered.tasks import Begun
from store.gateway import Store
from store.records import BusyPolicy

STARTS: Mapping[str, type[StartPayload]] = {
    "message/sent": MessagePayload,
    "github/import.repo": ImportPayload,
    "github/export.repo": ExportPayload,
    "project/generate": GeneratePayload,
}
"""Events of Inngest clients that start something."""

CANCELS: Mapping[str, type[CancelPayload]] = {
    "message/cancel": MessageCancelPayload,
    "github/import.cancel": ImportCancelPayload,
    "github/export.cancel": ExportCancelPayload,
    "project/generate.cancel": GenerateCancelPayload,
}
"""Those that stop something."""

TASKS: Mapping[str, type[StartPayload]] = {
    "process-message": MessagePayload,
    "import-repository": ImportPayload,
    "import-github-repo": ImportPayload,
    "export-repository": ExportPayload,
    "export-to-github": ExportPayload,
    "generate-project": GeneratePayload,
}
"""Tasks of Trigger.dev clients: the ids of our jobs, and those that front ends know."""

_POLICIES: Mapping[str | None, BusyPolicy] = {
    "queue": "queue",
    "interrupt": "cancel",
    "steer": "steer",
    "reject": "reject",
}


class UnknownTask(NotFound):
    """No task of this id may be triggered."""

    code = "unknown_task"

    def __init__(self, task_id: str) -> None:
        super().__init__(f"Task {task_id[:100]!r} not found; there are {', '.join(TASKS)}")


class BadPayload(Refused):
    """The data does not fit what the event or task takes."""

    code = "invalid_payload"

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")


def read_payload(what: str, model: type[Any], data: Any) -> Any:
    """Data as its model. Raises: BadPayload: it does not fit, or is no object."""
    if isinstance(data, Mapping) and "githubToken" in data:
        raise BadPayload(
            what, "githubToken is not taken: connect the account instead; events keep no secrets"
        )
    place = unstorable_at(cast("object", data))
    if place is not None:
        raise BadPayload(what, f"{place_of(place, whole='data')}: {PROBLEM}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise BadPayload(what, problem_text(error, whole="data")) from None


def task_payload(task_id: str, data: object) -> StartPayload:
    """What a task is to be begun with. Raises: UnknownTask, BadPayload."""
    model = TASKS.get(task_id)
    if model is None:
        raise UnknownTask(task_id)
    return read_payload(task_id, model, data)


@dataclass(frozen=True)
class ClientTasks:
    """What starts and stops things for clients, each in the name of an owner."""

    store: Store
    messaging: Messaging
    choosing: Choosing
    generating: Generating
    transfers: Transferring

    async def check(self, payload: StartPayload, *, owner: OwnerId) -> None:
        """What it names is the owner's. Raises: NotFound, Refused."""
        match payload:
            case MessagePayload(message=None, message_id=str(message_id)):
                await self.store.messages.owned(message_id, owner=owner)
            case MessagePayload(conversation_id=str(conversation_id)):
                await self.store.conversations.owned(conversation_id, owner=owner)
                self.choosing.checked(payload.model)
            case ExportPayload(project_id=project_id) | GeneratePayload(project_id=str(project_id)):
                await self.store.projects.owned(project_id, owner=owner)
            case _:
                return

    async def begin_task(
        self, task_id: str, data: Mapping[str, Any], *, owner: OwnerId, key: str
    ) -> Begun:
        """Begin a task; the same `key` begins it once. Raises: UnknownTask, as `begin`."""
        return await self.begin(task_payload(task_id, data), owner=owner, key=key)

    async def begin(self, payload: StartPayload, *, owner: OwnerId, key: str) -> Begun:
        """Start what the payload asks for; the same `key` starts it once.

        Raises: Refused: as the services of our routes.
        """
        match payload:
            case MessagePayload():
                return await self._message(payload, owner, key)
            case ImportPayload():
                started = await self.transfers.import_repository(
                    payload.address,
                    owner=owner,
                    branch=payload.branch,
                    folder=payload.folder,
                    key=key,
                )
            case ExportPayload():
                is_new = payload.repo_name is not None
                started = await self.transfers.export(
                    payload.project_id,
                    owner=owner,
                    repository=payload.repo_name or payload.repo_url or "",
                    message=payload.commit_message,
                    may_create=is_new,
                    must_create=is_new,
                    is_private=payload.visibility == "private",
                    description=payload.description,
                    signed=Signed(),
                    key=key,
                )
            case GeneratePayload():
                return await self._generation(payload, owner, key)
            case _:
                assert_never(payload)
        ids = {"projectId": started.project_id, "transferId": started.transfer_id}
        return Begun(started.event_id, ids)

    async def cancel(self, payload: CancelPayload, *, owner: OwnerId) -> EventId:
        """Stop what the payload names; the event that tells of it. Raises: NotFound."""
        event_id: EventId | None = None
        match payload:
            case MessageCancelPayload(message_id=str(message_id)):
                await self.messaging.cancel(message_id, owner=owner)
            case MessageCancelPayload(project_id=str(project_id)):
                await self.messaging.cancel_project(project_id, owner=owner)
            case MessageCancelPayload():  # its model has refused that
                pass
            case ImportCancelPayload(project_id=project_id):
                _, event_id = await self.transfers.cancel(project_id, owner=owner, kind="import")
            case ExportCancelPayload(project_id=project_id):
                _, event_id = await self.transfers.cancel(project_id, owner=owner, kind="export")
            case GenerateCancelPayload(project_id=project_id):
                await self.generating.cancel(project_id, owner=owner)
            case _:
                assert_never(payload)
        return event_id or EventId(new_id("evt"))

    async def _message(self, payload: MessagePayload, owner: OwnerId, key: str) -> Begun:
        if payload.message is not None and payload.conversation_id is not None:
            receipt = await self.messaging.send(
                payload.conversation_id,
                owner=owner,
                text=payload.message,
                model=self.choosing.checked(payload.model),
                policy=_POLICIES.get(payload.when_busy),
                key=key,
            )
        elif payload.message_id is not None:
            receipt = await self.messaging.retry(payload.message_id, owner=owner, key=key)
        else:
            raise BadPayload("message", "it says neither what nor where")
        ids = {
            "messageId": receipt.message_id,
            "conversationId": receipt.conversation_id,
            "projectId": receipt.project_id,
        }
        return Begun(receipt.event_id, ids)

    async def _generation(self, payload: GeneratePayload, owner: OwnerId, key: str) -> Begun:
        started = await self.generating.start(
            owner=owner,
            description=payload.description,
            name=payload.project_name,
            project_id=payload.project_id,
            stack=payload.stack,
            key=key,
        )
        made = started.generation
        ids = {
            "projectId": made.project_id,
            "projectGenerationId": made.project_generation_id,
            "conversationId": made.conversation_id,
        }
        return Begun(EventId(made.project_generation_id), ids)


def key_of(*names: str) -> str:
    """A short key that stands for all these names together."""
    text = "\0".join(names)
    return f"client_{hashlib.sha256(text.encode()).hexdigest()[:40]}"
