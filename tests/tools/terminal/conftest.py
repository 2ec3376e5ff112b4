from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tools.output import ToolOutput
from tools.outputs import Outputs
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.sandbox.processes import Processes
from tools.sandbox.sandbox import Sandbox
from tools.terminal import TERMINAL_TOOLS
from tools.workspace.disk import DiskWorkspace


class Terminal:
    """The terminal tools over a folder, as an agent has them."""

    def __init__(self, folder: Path, *owned: object) -> None:
        self.folder = folder
        self.toolbox = Toolbox(TERMINAL_TOOLS)
        self.place = Place(DiskWorkspace(folder), folder=folder, need=Provided(*owned))
        self.owned = owned

    async def __call__(self, name: str, **arguments: Any) -> ToolOutput:
        return await self.toolbox.run(name, arguments, self.place)

    async def sh(self, command: str, **more: Any) -> ToolOutput:
        return await self("executeCommand", command=command, **more)

    def elsewhere(self, folder: Path) -> "Terminal":
        return Terminal(folder, *self.owned)


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    folder = tmp_path / "project"
    folder.mkdir()
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox())
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces and no Landlock")
        processes = await stack.enter_async_context(Processes(sandbox))
        outputs = await stack.enter_async_context(Outputs())
        yield Terminal(folder, sandbox, processes, outputs)
