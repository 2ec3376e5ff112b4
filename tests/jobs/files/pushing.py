"""A command's changes on their way to the store, as a tool call makes it; also as a process.

`python -m tests.jobs.files.pushing URL KEY PROJECT OWNER MESSAGE FOLDER SEED CALLS` makes so many
calls, says on stdout how far it has come, and waits to be killed.
"""

import asyncio
import random
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

from core.ids import MessageId, OwnerId, ProjectId, RunId, ToolCallId, new_id
from core.usage import Usage
from jobs.answer.records import edit_records
from jobs.files.folder import ProjectFolder
from store import Store
from store.records import Lease, NewToolCall, TurnPart, TurnRecord
from tests.jobs.files.trees import change


async def answer_in(store: Store, owner: OwnerId, project_id: ProjectId) -> MessageId:
    """An answer of the project that can be written."""
    conversation = await store.conversations.create(project_id, owner=owner, title="One")
    sent = await store.messages.send(
        conversation.conversation_id, owner=owner, content="hello", policy="queue"
    )
    return sent.message_id


class Calls:
    """The calls of one answer, each in a turn of its own."""

    def __init__(self, store: Store, lease: Lease, say: Callable[[str], None]) -> None:
        self._store = store
        self._lease = lease
        self._say = say
        self._turns = count()

    async def make(self, folder: ProjectFolder, command: Callable[[Path], None]) -> None:
        """Run the command and keep its changes with its result."""
        turn, call = next(self._turns), ToolCallId(new_id("call"))
        record = TurnRecord(
            turn=turn,
            parts=(TurnPart("toolCall", tool_call_id=call),),
            stop_reason="tool_calls",
            model="test/model",
            usage=Usage(input_tokens=1, output_tokens=1),
            dropped_calls=(),
        )
        new = NewToolCall(call, "executeCommand", "{}")
        await self._store.generations.record_turn(self._lease, record, tool_calls=(new,))
        await self._store.generations.start_tool_call(self._lease, turn=turn, tool_call_id=call)
        await folder.pull()
        self._say("pulled")
        await folder.command_begins(call)
        try:
            await asyncio.to_thread(command, folder.path)
            self._say("changed")
            changes = await folder.command_changes(call)
            self._say("pushing")
            await self._store.generations.finish_tool_call(
                self._lease,
                turn=turn,
                tool_call_id=call,
                output="done",
                is_error=False,
                edits=edit_records(changes.edits),
            )
            self._say("pushed")
            await folder.command_kept(call, changes)
        finally:
            folder.command_lost(call)
        self._say("kept")


async def main(url: str, key: str, project: str, owner: str, message: str, *where: str) -> None:
    """Make the calls, then wait."""
    folder, seed, number = where
    chance = random.Random(int(seed))  # noqa: S311 - not for secrets
    async with Store(url, internal_key=key) as store:
        lease = await store.generations.begin(MessageId(message), run_id=RunId(new_id("run")))
        here = ProjectFolder(store, ProjectId(project), OwnerId(owner), Path(folder))
        calls = Calls(store, lease, lambda stage: print(stage, flush=True))  # noqa: T201 - read there
        for _ in range(int(number)):
            await calls.make(here, lambda root: change(root, chance, 12))
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
