"""A project in a folder, and the search tools on it."""

from pathlib import Path
from typing import Any

from tools.output import ToolOutput
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.search import SEARCH_TOOLS
from tools.workspace.disk import DiskWorkspace

TOOLBOX = Toolbox(SEARCH_TOOLS)


class Project:
    def __init__(self, folder: Path, files: dict[str, str | bytes], *needs: object) -> None:
        self.folder = folder
        for path, content in files.items():
            self.write(path, content)
        self.place = Place(DiskWorkspace(folder), folder=folder, need=Provided(*needs))

    def write(self, path: str, content: str | bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    async def run(self, tool: str, **arguments: Any) -> ToolOutput:
        output = await TOOLBOX.run(tool, arguments, self.place)
        assert "defect" not in output.text
        return output

    async def ok(self, tool: str, **arguments: Any) -> str:
        output = await self.run(tool, **arguments)
        assert not output.is_error, output.text
        return output.text

    async def refused(self, tool: str, **arguments: Any) -> str:
        output = await self.run(tool, **arguments)
        assert output.is_error, output.text
        return output.text
