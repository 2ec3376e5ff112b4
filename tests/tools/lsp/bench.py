"""The tools on a folder with real language servers, one call a line."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tools.lsp import LSP_TOOLS
from tools.lsp.language_servers import LanguageServers
from tools.output import ToolOutput
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.workspace.disk import DiskWorkspace
from tools.workspace.staged import StagedWorkspace

STRICT = '{"compilerOptions":{"strict":true,"module":"esnext","moduleResolution":"bundler"}}'


class LspBench:
    def __init__(self, folder: Path, servers: LanguageServers) -> None:
        self.folder = folder
        self.servers = servers
        self._toolbox = Toolbox(LSP_TOOLS)
        self.place = self.new_place()

    def new_place(self) -> Place:
        """That of another call, which has staged nothing."""
        self.staged = StagedWorkspace(DiskWorkspace(self.folder))
        return Place(self.staged, folder=self.folder, need=Provided(self.servers))

    async def run(self, tool: str, **arguments: Any) -> ToolOutput:
        return await self._toolbox.run(tool, arguments, self.place)

    async def ok(self, tool: str, **arguments: Any) -> str:
        output = await self.run(tool, **arguments)
        assert not output.is_error, output.text
        return output.text

    async def refused(self, tool: str, **arguments: Any) -> str:
        output = await self.run(tool, **arguments)
        assert output.is_error, output.text
        assert "defect" not in output.text
        return output.text

    def write(self, path: str, text: str | bytes) -> None:
        """As a command does it: on the disk, and nobody is told."""
        put(self.folder, {path: text})


@asynccontextmanager
async def bench(
    folder: Path, files: Mapping[str, str | bytes], **options: Any
) -> AsyncGenerator[LspBench]:
    put(folder, files)
    async with LanguageServers(**options) as servers:
        yield LspBench(folder, servers)


def put(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
