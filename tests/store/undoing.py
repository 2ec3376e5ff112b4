"""An agent that changes files turn by turn, for the tests of checkpoints."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.errors import Refused
from core.ids import CheckpointId, ConversationId, OwnerId, ProjectId, RunId, ToolCallId, new_id
from store import Store
from store.records import (
    Checkpoint,
    FileEdit,
    Lease,
    NewToolCall,
    RestoreStep,
    TurnRecord,
    WrittenFile,
)

Tree = Mapping[str, bytes | None]
"""What stands at each path; None for a folder."""


@dataclass
class Desk:
    """A project with one conversation; `turn` is a turn of its agent."""

    store: Store
    owner: OwnerId
    project_id: ProjectId
    conversation_id: ConversationId
    lease: Lease | None = None
    turns: int = field(default=0)

    @classmethod
    async def made(cls, store: Store, owner: OwnerId) -> "Desk":
        project_id = (await store.projects.create(owner=owner, name="Shop")).project_id
        talk = await store.conversations.create(project_id, owner=owner, title="One")
        return cls(store, owner, project_id, talk.conversation_id)

    async def begin(self) -> Lease:
        if self.lease is None:
            sent = await self.store.messages.send(
                self.conversation_id, owner=self.owner, content="go", policy="queue"
            )
            self.lease = await self.store.generations.begin(
                sent.message_id, run_id=RunId(new_id("run"))
            )
            self.turns = 0
        return self.lease

    async def turn(self, *calls: Sequence[FileEdit]) -> None:
        """A turn with these calls; one whose edits cannot be made fails, as a tool would."""
        await self.asked(len(calls))
        for number, edits in enumerate(calls):
            await self.call(number, edits)
        self.turns += 1

    async def asked(self, calls: int) -> None:
        """The model has asked for so many calls, none of which has run."""
        ids = [ToolCallId(f"call-{number}") for number in range(calls)]
        await self.store.generations.record_turn(
            await self.begin(),
            TurnRecord(self.turns, (), "tool_calls", "m"),
            tool_calls=tuple(NewToolCall(each, "editFile", "{}") for each in ids),
        )

    async def call(self, number: int, edits: Sequence[FileEdit]) -> None:
        lease, call_id = await self.begin(), ToolCallId(f"call-{number}")
        try:
            await self.store.generations.finish_tool_call(
                lease,
                turn=self.turns,
                tool_call_id=call_id,
                output="done",
                is_error=False,
                edits=edits,
            )
        except Refused:
            await self.store.generations.finish_tool_call(
                lease, turn=self.turns, tool_call_id=call_id, output="refused", is_error=True
            )

    async def end(self) -> None:
        if self.lease is not None:
            await self.store.generations.complete(self.lease, text="Done.")
            self.lease = None

    async def wrote(self, path: str, data: bytes) -> None:
        """What a person does."""
        await self.store.files.write(self.project_id, path, data, owner=self.owner)

    async def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The newest ones, newest first."""
        page = await self.store.checkpoints.list(self.project_id, owner=self.owner, limit=50)
        return page.items

    async def restore(self, checkpoint_id: CheckpointId) -> RestoreStep:
        return await self.store.checkpoints.restore(
            self.project_id, checkpoint_id, owner=self.owner
        )

    async def tree(self) -> Tree:
        entries = [e async for e in self.store.files.walk(self.project_id, owner=self.owner)]
        paths = [entry.path for entry in entries if entry.kind == "file"]
        found = await self.store.files.read_many(self.project_id, paths, owner=self.owner)
        data = {content.entry.path: content.data for content in found}
        return {entry.path: data.get(entry.path) for entry in entries}


def write(path: str, data: bytes, tree: Tree | None = None) -> WrittenFile:
    """A write of a tool that has seen `tree`."""
    old = (tree or {}).get(path)
    return WrittenFile(path, data, "" if old is None else hashlib.sha256(old).hexdigest())
