"""Generating projects: one write, then its events on their way; how far a generation is."""

from dataclasses import dataclass

from app.services.messages import Messaging, Receipt, run_of
from app.services.plans import Feature, PlanGate
from app.services.project_names import made_up_name
from core.clock import Clock
from core.ids import EventId, OwnerId, ProjectId, RunId
from engine.inspection import Inspection
from jobs.generate.plan import STEPS
from jobs.generate.stacks import DEFAULT as DEFAULT_STACK
from jobs.generate.stacks import StackName
from jobs.outbox import Relay
from store.gateway import Store
from store.records import (
    GenerationEvent,
    MessageStatus,
    ProjectGeneration,
)

EVENTS = 200

__all__ = ["DEFAULT_STACK", "Generating", "Progress", "StackName", "Started"]


@dataclass(frozen=True)
class Started:
    """A generation that is under way.

    `run_id` is None when the engine could not take the event now: the relay sends it later.
    """

    generation: ProjectGeneration
    run_id: RunId | None


@dataclass(frozen=True)
class Progress:
    """How far a generation is: `percent` from 0 to 100, and the newest lines of the log."""

    generation: ProjectGeneration
    percent: int
    events: tuple[GenerationEvent, ...]


@dataclass(frozen=True)
class Generating:
    """What the generate routes do."""

    store: Store
    relay: Relay
    inspect: Inspection
    messaging: Messaging
    clock: Clock
    plans: PlanGate

    async def start(  # noqa: PLR0913 - the fields of a request
        self,
        *,
        owner: OwnerId,
        description: str | None,
        name: str | None = None,
        project_id: ProjectId | None = None,
        stack: StackName | None = None,
        key: str | None = None,
    ) -> Started:
        """Make a project, or go on with one.

        Raises: as `store.generating.request`, and the plan's.
        """
        if project_id is None:
            await self.plans.require(owner, Feature.PROJECTS)
        requested = await self.store.generating.request(
            owner=owner,
            name=name or f"Generated Project {round(self.clock.now().timestamp() * 1000)}",
            project_id=project_id,
            description=description,
            stack=stack or (DEFAULT_STACK if project_id is None else None),
            key=key,
        )
        run_id = await self.relay.deliver_all(requested.events)
        if run_id is None and requested.is_duplicate:
            run_id = await run_of(self.inspect, EventId(requested.generation.project_generation_id))
        return Started(requested.generation, run_id)

    async def with_prompt(self, prompt: str, *, owner: OwnerId, key: str | None = None) -> Receipt:
        """Make a project with a made-up name and a conversation, and answer the prompt in it.

        Raises: as `store.messages.send`, and the plan's.
        """
        await self.plans.require(owner, Feature.PROJECTS)
        return await self.messaging.send_first(prompt, owner=owner, name=made_up_name(), key=key)

    async def cancel(self, project_id: ProjectId, *, owner: OwnerId) -> bool:
        """Stop what is generated in a project; whether anything was. Raises: NotFound."""
        return await self.messaging.cancel_generation(project_id, owner=owner)

    async def progress(self, project_id: ProjectId, *, owner: OwnerId) -> Progress | None:
        """How far the newest generation of a project is; None where there was none.

        Raises: NotFound.
        """
        generation = await self.store.generating.latest(project_id, owner=owner)
        if generation is None:
            return None
        events = await self.store.events.latest(project_id, owner=owner, limit=EVENTS)
        return Progress(generation, _percent(generation), events)


def _percent(generation: ProjectGeneration) -> int:
    """The share of the eight steps and the verification that is done."""
    if generation.status is MessageStatus.COMPLETED:
        return 100
    done = sum(step.name in generation.steps for step in STEPS)
    return done * 100 // (len(STEPS) + 1)
