"""A project's files on the worker's disk, and an edit with its write to the store.

`python -m bench.tools_workspace`, one JSON object last. The files are those of three packages of
the npm registry; the store is the embedded Convex with the product's functions.
"""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

from agent.transcript import RecordedTurn
from app.convex import CONVEX_FUNCTIONS
from bench.figures import percentile, say, say_figures, say_machine, say_rounds
from bench.tools_files import EDITED, once_in
from bench.tools_files import PACKAGE as FIRST
from bench.tools_files import fetch as fetch_first
from bench.tools_search import PACKAGES, fetch
from core.ids import EventId, OwnerId, ProjectId, RunId, ToolCallId, new_id
from embedded_convex.process import EmbeddedConvex
from jobs.answer.attempt import Attempt
from jobs.answer.transcript import StoreTranscript
from jobs.files.folder import ProjectFolder
from llm.model import AssistantMessage, StopReason, ToolCall, Turn, Usage
from store.gateway import Store
from tools.files import FILE_TOOLS
from tools.lsp.checking import checked
from tools.place import Provided, Seen
from tools.registry import Toolbox

FILES = 5_000
MOST_BYTES = 200_000  # of one file
COLD_ROUNDS = 3
WARM_ROUNDS = 7
EDITS = 60


async def figures() -> dict[str, float]:
    """`tools.workspace_warm_ms`, `tools.workspace_cold_ms`, `tools.edit_ms` and what is beside it.

    - `workspace_cold_ms`: 5,000 files from the store to an empty disk, until a call may begin; the
      median of 3 empty folders.
    - `workspace_warm_ms`: the same where the files stand on the disk since a process before, and a
      person has changed one of them: what a call waits for after a restart; the median of 7.
    - `workspace_again_ms`: the same within one process: what each further call waits for.
    - `edit_ms`: editFile on a file of 2,000 lines, from the tool's start until its change and its
      result are in the store and on the disk, in that project of 5,000 files; no language server
      knows the project. The median of 60 edits.
    - `edit_call_ms`: the same call with what comes before the tool: it is shown as running, and the
      folder is made to follow the store.
    """
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        folder = Path(temporary)
        first = await fetch_first(folder / "first")
        await asyncio.to_thread(fetch, folder / "more")
        files = await asyncio.to_thread(_files, first, folder / "more")
        say(f"{FIRST}, {', '.join(PACKAGES)} of the npm registry: {len(files):,} files")
        async with _store(folder / "convex.sqlite") as store:
            owner = OwnerId(new_id("user"))
            project = (await store.projects.create(owner=owner, name="Bench")).project_id
            await store.files.write_many(project, files, owner=owner)
            bench = _Bench(store, owner, project, folder / "disks")
            cold = [await bench.cold(number) for number in range(COLD_ROUNDS)]
            warm = [await bench.warm(number) for number in range(WARM_ROUNDS)]
            again = await bench.again()
            return {
                "tools.workspace_cold_ms": say_rounds("cold", cold, "ms"),
                "tools.workspace_warm_ms": say_rounds("warm, after a restart", warm, "ms"),
                "tools.workspace_again_ms": say_rounds("in the same process", again, "ms"),
                **await bench.edits(),
            }


def _files(first: Path, more: Path) -> dict[str, bytes]:
    """The first 5,000 in the order of their paths; the first package has the edited one."""
    found: dict[str, bytes] = {}
    for root in (first, more):
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.stat().st_size <= MOST_BYTES and len(found) < FILES:
                found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found


@asynccontextmanager
async def _store(data: Path) -> AsyncGenerator[Store]:
    key = secrets.token_hex(32)
    env = {"POLARIS_CONVEX_INTERNAL_KEY": key}
    async with (
        EmbeddedConvex(CONVEX_FUNCTIONS, data, admin_key="", env=env) as convex,
        Store(convex.url, internal_key=key) as store,
    ):
        yield store


class _Bench:
    """One project in a store, on several disks."""

    def __init__(self, store: Store, owner: OwnerId, project: ProjectId, disks: Path) -> None:
        self._store = store
        self._owner = owner
        self._project = project
        self._disks = disks

    def _folder(self, name: str) -> ProjectFolder:
        """As a process opens it that knows nothing yet."""
        return ProjectFolder(self._store, self._project, self._owner, self._disks / name)

    async def cold(self, number: int) -> float:
        """Milliseconds until the files stand on an empty disk."""
        return await _took(self._folder(f"cold-{number}"))

    async def warm(self, number: int) -> float:
        """Milliseconds until a folder of before follows the store."""
        await self._change(number)
        return await _took(self._folder("cold-0"))

    async def again(self) -> list[float]:
        """Milliseconds of each further look, when a person has changed one file."""
        folder = self._folder("cold-0")
        await folder.pull()
        took: list[float] = []
        for number in range(WARM_ROUNDS):
            await self._change(100 + number)
            took.append(await _took(folder))
        return took

    async def edits(self) -> dict[str, float]:
        """Calls of one message, each with a turn of its own."""
        chat = await self._store.conversations.create(
            self._project, owner=self._owner, title="Bench"
        )
        sent = await self._store.messages.send(
            chat.conversation_id, owner=self._owner, content="Edit.", policy="cancel"
        )
        attempt = Attempt(
            self._store,
            sent.message_id,
            generation_id=EventId(sent.message_id),
            run_id=RunId(new_id("run")),
        )
        folder = self._folder("cold-0")
        await folder.pull()
        transcript = StoreTranscript(self._store, attempt, folder, Provided())
        toolbox = Toolbox(checked(FILE_TOOLS))
        seen = Seen()
        text = await asyncio.to_thread((folder.path / EDITED).read_text)
        edits: list[float] = []
        calls: list[float] = []
        for number, line in enumerate(once_in(text, EDITS)):
            call = ToolCall(
                ToolCallId(f"call-{number}"),
                "editFile",
                {"path": EDITED, "oldString": line, "newString": f"{line} // edited"},
            )
            await transcript.append_turn(RecordedTurn(number, _turn(call)))
            began = perf_counter()
            touches = toolbox.touches(call.name, call.arguments)
            place = await transcript.start_call(number, call, touches=touches, seen=seen)
            started = perf_counter()
            output = await toolbox.run(call.name, call.arguments, place)
            kept = await transcript.finish_call(number, call, output)
            ended = perf_counter()
            if kept.is_error:
                raise RuntimeError(kept.text)
            edits.append((ended - started) * 1000)
            calls.append((ended - began) * 1000)
        say(
            f"  {len(edits)} edits: p50 {percentile(edits, 50):.1f} ms, "
            f"p95 {percentile(edits, 95):.1f} ms; whole call p50 {percentile(calls, 50):.1f} ms"
        )
        return {
            "tools.edit_ms": percentile(edits, 50),
            "tools.edit_p95_ms": percentile(edits, 95),
            "tools.edit_call_ms": percentile(calls, 50),
        }

    async def _change(self, number: int) -> None:
        data = f"{number}\n".encode()
        await self._store.files.write(self._project, "changed.txt", data, owner=self._owner)


def _turn(call: ToolCall) -> Turn:
    message = AssistantMessage(parts=(call,))
    return Turn(message, StopReason.TOOL_CALLS, Usage(), "bench/none")


async def _took(folder: ProjectFolder) -> float:
    began = perf_counter()
    await folder.pull()
    return (perf_counter() - began) * 1000


async def main() -> None:
    """Measure and say."""
    say_machine()
    say_figures(await figures())


if __name__ == "__main__":
    asyncio.run(main())
