"""askUser: a question to the person, answered when they get to it."""

from typing import Annotated

from pydantic import Field

from tools.arguments import Arguments
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.tool import Tool

MAX_QUESTION_CHARS = 4_000
MAX_CHOICE_CHARS = 300
MAX_CHOICES = 8

Choice = Annotated[str, Field(min_length=1, max_length=MAX_CHOICE_CHARS, pattern=r"\S")]


class AskUserArguments(Arguments):
    """Arguments of askUser."""

    question: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_QUESTION_CHARS,
            pattern=r"\S",
            description="One question, with what the user has to know to answer it.",
        ),
    ]
    choices: (
        Annotated[
            tuple[Choice, ...],
            Field(min_length=2, max_length=MAX_CHOICES, description="Short answers to pick from."),
        ]
        | None
    ) = None
    allow_text: Annotated[
        bool,
        Field(
            alias="allowText", description="Whether an answer in other words is possible as well."
        ),
    ] = True


async def ask_nobody(arguments: AskUserArguments, place: Place) -> ToolOutput:  # noqa: ARG001 - a tool's shape
    """The question is put by the run itself, which waits for the answer: nothing is done here."""
    return ToolOutput(
        "There is nobody here who could be asked. Go on by your best judgement.", is_error=True
    )


ASK_USER = Tool(
    name="askUser",
    description=(
        "Ask the user a question and wait for the answer, which may take hours. Ask only what you "
        "cannot find out yourself and what changes what you will do: a choice that is hard to "
        "undo, or a request that can mean two things. Give 2 to 8 choices where you can."
    ),
    arguments=AskUserArguments,
    touches=lambda _: Touches(),
    run=ask_nobody,
)
