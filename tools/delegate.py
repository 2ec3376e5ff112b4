"""task: a part of the work for a sub-agent with a context of its own."""

from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.tasks import TASK_NAME, TaskArguments
from tools.tool import Tool
from tools.workspace.paths import ROOT


async def hand_to_nobody(arguments: TaskArguments, place: Place) -> ToolOutput:  # noqa: ARG001 - a tool's shape
    """The run itself has the sub-agent work, and waits for it: nothing is done here."""
    return ToolOutput("There are no sub-agents here. Do the task yourself.", is_error=True)


def _touches(arguments: TaskArguments) -> Touches:
    """The whole project: what the sub-agent will look at, nobody knows yet."""
    whole = frozenset({ROOT})
    return Touches(reads=whole) if arguments.only_reads else Touches(writes=whole)


TASK = Tool(
    name=TASK_NAME,
    description=(
        "Have a sub-agent do a task of its own and get its final answer as the result. It works in "
        "this project with its own context and no knowledge of this conversation; it cannot ask "
        "the user and has no sub-agents. Use it for what would fill your own context: a wide "
        "search, reading many files, a part of a large change that stands by itself. Give several "
        "tasks that only read in one turn: they run side by side. Check what it says that it did."
    ),
    arguments=TaskArguments,
    touches=_touches,
    run=hand_to_nobody,
)
