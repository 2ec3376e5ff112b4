"""Sub-agents that only read may work side by side: what counts as reading writes nothing."""

from app.tools import ID_TOOLS, TOOLS
from tools.tasks import READING_TOOLS

CHANGING = {
    *("writeFile", "editFile", "multiEdit", "applyPatch", "undo", "renameSymbol"),
    *("createFolder", "renameFile", "deleteFile", "updateFile", "createFiles", "deleteFiles"),
    *("executeCommand", "startProcess", "stopProcess"),
}


def test_each_tool_either_reads_or_changes() -> None:
    names = {tool.name for tool in (*TOOLS, *ID_TOOLS)}
    assert names == READING_TOOLS | CHANGING
    assert not READING_TOOLS & CHANGING
