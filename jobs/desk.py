"""What the tools of one run work on: the project's files, each call on a stage of its own."""

from contextvars import ContextVar

from core.errors import Refused
from core.ids import ToolCallId
from jobs.attempt import Attempt
from jobs.staging import StagedWorkspace
from jobs.workspace import ProjectFolder
from store.errors import FileChanged, GenerationClosed
from store.gateway import Store
from tools.tool import ToolOutput
from tools.workspace import Entry, RelPath, Workspace

CHANGED_MEANWHILE = (
    "Nothing was changed: somebody else changed the same file at the same moment. "
    "Read it again, then repeat your change."
)

_stage: ContextVar[StagedWorkspace | None] = ContextVar("jobs_stage", default=None)


class Desk:
    """The `Session` of a run. Calls of one turn run side by side, so each has its own stage.

    `clear` and `commit` bracket a call in one task (or a task and its children): the stage is found
    through the task's context.
    """

    def __init__(self, store: Store, attempt: Attempt, folder: ProjectFolder) -> None:
        self._store = store
        self._attempt = attempt
        self._folder = folder
        self._seen: dict[RelPath, str] = {}

    @property
    def workspace(self) -> Workspace:
        """The project's files as the current call sees them."""
        return _CurrentStage()

    @property
    def seen(self) -> dict[RelPath, str]:
        """SHA-256 of each file as this run last saw it."""
        return self._seen

    async def clear(self) -> None:
        """A call begins: the newest files, nothing changed yet. Raises: NotFound, DiskFull."""
        await self._folder.pull()
        _stage.set(StagedWorkspace(self._folder.workspace))

    async def commit(self, number: int, call_id: ToolCallId, output: ToolOutput) -> ToolOutput:
        """Keep the call's changes and its result in one write (docs/decisions/0002).

        A call that was committed before gives the result of then; its changes are not made again.

        Raises:
            GenerationClosed: the message is final: nothing was kept.
        """
        stage = _stage.get()
        edits = stage.edits if stage and not output.is_error else ()
        lease = await self._attempt.lease()
        try:
            kept = await self._store.generations.finish_tool_call(
                lease,
                turn=number,
                tool_call_id=call_id,
                output=output.text,
                is_error=output.is_error,
                edits=edits,
            )
        except GenerationClosed:
            raise
        except FileChanged:
            return await self._commit_error(number, call_id, CHANGED_MEANWHILE)
        except Refused as refused:
            return await self._commit_error(number, call_id, f"Nothing was changed: {refused}")
        if kept.was_kept_before:
            return ToolOutput(text=kept.output, is_error=kept.is_error)
        await self._folder.apply(edits)
        return output

    async def _commit_error(self, number: int, call_id: ToolCallId, text: str) -> ToolOutput:
        await self._store.generations.finish_tool_call(
            await self._attempt.lease(),
            turn=number,
            tool_call_id=call_id,
            output=text,
            is_error=True,
        )
        return ToolOutput(text=text, is_error=True)


class _CurrentStage:
    """The stage of the call that is running in this task."""

    async def read(self, path: RelPath) -> bytes:
        return await _current().read(path)

    async def write(self, path: RelPath, data: bytes, *, expected_sha256: str | None) -> None:
        await _current().write(path, data, expected_sha256=expected_sha256)

    async def delete(self, path: RelPath) -> None:
        await _current().delete(path)

    async def rename(self, source: RelPath, target: RelPath) -> None:
        await _current().rename(source, target)

    async def list_folder(self, path: RelPath) -> list[Entry]:
        return await _current().list_folder(path)

    async def walk(self) -> list[Entry]:
        return await _current().walk()


def _current() -> StagedWorkspace:
    stage = _stage.get()
    if stage is None:
        raise RuntimeError("a tool ran outside of a recorded call")
    return stage
