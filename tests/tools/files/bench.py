"""A toolbox on a memory workspace, one call a line."""

from typing import Any

from tools.files import FILE_TOOLS
from tools.output import ToolOutput
from tools.place import Place
from tools.registry import Toolbox
from tools.tool import AnyTool
from tools.workspace.memory import MemoryWorkspace
from tools.workspace.paths import confine


class Bench:
    def __init__(
        self,
        files: dict[str, str | bytes],
        *,
        room_bytes: int | None = None,
        tools: tuple[AnyTool, ...] = FILE_TOOLS,
    ) -> None:
        self.workspace = MemoryWorkspace(files, room_bytes=room_bytes)
        self.place = Place(self.workspace)
        self._toolbox = Toolbox(tools)

    async def output(self, tool: str, **arguments: Any) -> ToolOutput:
        return await self._toolbox.run(tool, arguments, self.place)

    async def ok(self, tool: str, **arguments: Any) -> str:
        output = await self.output(tool, **arguments)
        assert not output.is_error, output.text
        return output.text

    async def refused(self, tool: str, **arguments: Any) -> str:
        output = await self.output(tool, **arguments)
        assert output.is_error, output.text
        assert "defect" not in output.text
        return output.text

    async def someone_writes(self, path: str, content: str) -> None:
        await self.workspace.write(confine(path), content.encode(), expected_sha256=None)

    async def someone_deletes(self, path: str) -> None:
        await self.workspace.delete(confine(path))

    def text(self, path: str) -> str:
        return self.workspace.files[path].decode()
