"""askUser: a question to the person, answered when they get to it."""

from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.questions import ASK_USER_NAME, AskUserArguments
from tools.tool import Tool


async def ask_nobody(arguments: AskUserArguments, place: Place) -> ToolOutput:  # noqa: ARG001 - a tool's shape
    """The question is put by the run itself, which waits for the answer: nothing is done here."""
    return ToolOutput(
        "There is nobody here who could be asked. Go on by your best judgement.", is_error=True
    )


ASK_USER = Tool(
    name=ASK_USER_NAME,
    description=(
        "Ask the user a question and wait for the answer, which may take hours. Ask only what you "
        "cannot find out yourself and what changes what you will do: a choice that is hard to "
        "undo, or a request that can mean two things. Give 2 to 8 choices where you can."
    ),
    arguments=AskUserArguments,
    touches=lambda _: Touches(),
    run=ask_nobody,
)
