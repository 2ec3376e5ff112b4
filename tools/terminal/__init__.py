"""Commands, and servers that go on running: judged before they start, confined while they run."""

from tools.terminal.background import READ_PROCESS, START_PROCESS, STOP_PROCESS
from tools.terminal.execute import EXECUTE_COMMAND
from tools.terminal.read_output import READ_OUTPUT
from tools.tool import AnyTool

TERMINAL_TOOLS: tuple[AnyTool, ...] = (
    EXECUTE_COMMAND,
    READ_OUTPUT,
    START_PROCESS,
    READ_PROCESS,
    STOP_PROCESS,
)
