"""What a question to the person is made of, as the model writes it."""

from typing import Annotated

from pydantic import Field

from tools.arguments import Arguments

ASK_USER_NAME = "askUser"
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
