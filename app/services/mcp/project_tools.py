"""Calls of our tools from outside of a run: the same places, the same one mutation for a call."""

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from app.services.mcp.tokens import McpCaller
from core.errors import Refused, Transient
from core.ids import ProjectId, ToolCallId, new_id
from jobs.answer.calls import Calls
from jobs.files.folders import ProjectFolders
from store.gateway import Store
from store.records import FileEdit
from tools.output import ToolOutput
from tools.place import Provided, Seen, Touches
from tools.registry import Toolbox, ToolDescription
from tools.tool import AnyTool

MAX_CALLS = 32  # at a time, of all projects together
MAX_CALLS_OF_PROJECT = 8  # as many as a run makes side by side
MAX_REMEMBERED = 256  # tokens whose seen files are known; the one used longest ago is forgotten


class ProjectTools:
    """Runs a tool in the project of a caller.

    What a caller has seen of files is remembered by token, in this process: another process asks
    for a new look before a file is replaced.

    Args:
        folders: the folders of projects on this disk.
        need: what tools may ask for.
        tools: what is offered.
    """

    def __init__(
        self, store: Store, folders: ProjectFolders, need: Provided, tools: Sequence[AnyTool]
    ) -> None:
        self._store = store
        self._folders = folders
        self._need = need
        self._toolbox = Toolbox(tools)
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._running: Counter[ProjectId] = Counter()

    @property
    def descriptions(self) -> tuple[ToolDescription, ...]:
        """What is offered, in order."""
        return self._toolbox.descriptions

    async def call(self, caller: McpCaller, name: str, arguments: Mapping[str, Any]) -> ToolOutput:
        """Run a tool; whatever goes wrong is said in the result. A cancel passes."""
        if (
            self._running[caller.project_id] >= MAX_CALLS_OF_PROJECT
            or self._running.total() >= MAX_CALLS
        ):
            return _error("Too many calls are running already. Wait for one of them to end.")
        self._running[caller.project_id] += 1
        try:
            return await self._call(caller, name, arguments)
        except Refused as refused:
            return _error(str(refused))
        except Transient:
            return _error("A service behind this one does not answer now. Try again in a moment.")
        finally:
            self._running[caller.project_id] -= 1
            self._running += Counter()  # without those at zero

    async def _call(self, caller: McpCaller, name: str, arguments: Mapping[str, Any]) -> ToolOutput:
        calls = Calls(self._folders.folder(caller.project_id, owner=caller.owner), self._need)
        call_id = ToolCallId(new_id("mcp"))
        touches = self._toolbox.touches(name, arguments)
        seen = self._seen_by(caller)
        own = (caller.registries,)
        place = await calls.start(call_id, touches=touches, seen=seen, own=own)
        try:
            output = await self._toolbox.run(name, arguments, place)
        except BaseException:
            calls.drop(call_id)
            _forget(seen, touches)
            raise

        async def keep(made: ToolOutput, edits: Sequence[FileEdit]) -> ToolOutput:
            if edits:
                await self._store.mcp.apply_changes(caller.token_hash, call_id, edits)
            return made

        try:
            kept = await calls.finish(call_id, output, keep)
        except BaseException:
            _forget(seen, touches)
            raise
        if kept.is_error and not output.is_error:  # what the tool believes did not come true
            _forget(seen, touches)
        return kept

    def _seen_by(self, caller: McpCaller) -> Seen:
        seen = self._seen.setdefault(caller.token_hash, Seen())
        self._seen.move_to_end(caller.token_hash)
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)
        return seen


def _forget(seen: Seen, touches: Touches) -> None:
    seen.learn(dict.fromkeys(seen.touched(touches), ""))


def _error(text: str) -> ToolOutput:
    return ToolOutput(text, is_error=True)
