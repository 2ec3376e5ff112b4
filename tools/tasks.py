"""What a task for a sub-agent is made of, as the model writes it."""

from typing import Annotated

from pydantic import AfterValidator, Field

from core.text import is_storable
from tools.arguments import Arguments
from tools.plan import TODO_NAME
from tools.questions import ASK_USER_NAME

TASK_NAME = "task"
MAX_DESCRIPTION_CHARS = 120
MAX_PROMPT_CHARS = 50_000
MAX_TOOLS = 100

READING_TOOLS = frozenset(
    {
        "readFile",
        "readFiles",
        "listFiles",
        "getProjectStructure",
        "searchFiles",
        "findFilesByPattern",
        "searchCodebase",
        "getRelevantFiles",
        "getReferences",
        "goToDefinition",
        "hover",
        "findSymbol",
        "getDiagnostics",
        "fetchUrl",
        "scrapeUrls",
        "readOutput",
        "readProcess",
    }
)
"""Those that change no file, and run nothing that could."""

OWN_TOOLS = frozenset({TASK_NAME, ASK_USER_NAME, TODO_NAME, "undo"})
"""Those that an agent keeps to itself: a sub-agent has no sub-agents, nobody to ask and no plan."""


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("it holds a NUL or half a character, which cannot be stored")
    return text


class TaskArguments(Arguments):
    """Arguments of task."""

    description: Annotated[
        str,
        AfterValidator(_storable),
        Field(
            min_length=1,
            max_length=MAX_DESCRIPTION_CHARS,
            pattern=r"\S",
            description="The task in 3 to 8 words, for the user.",
        ),
    ]
    prompt: Annotated[
        str,
        AfterValidator(_storable),
        Field(
            min_length=1,
            max_length=MAX_PROMPT_CHARS,
            pattern=r"\S",
            description=(
                "All that the sub-agent needs to know: what to do, where, what you know already, "
                "and what its answer has to say. It sees nothing of this conversation."
            ),
        ),
    ]
    tools: (
        Annotated[
            tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
            Field(
                min_length=1,
                max_length=MAX_TOOLS,
                description=(
                    "Names of your tools that it gets; by default all that it can have. Tasks that "
                    "only read and search run side by side."
                ),
            ),
        ]
        | None
    ) = None
    model: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=200,
                description="provider/model that answers; by default the one that you are.",
            ),
        ]
        | None
    ) = None

    @property
    def only_reads(self) -> bool:
        """Whether none of its tools can change anything."""
        return self.tools is not None and READING_TOOLS.issuperset(self.tools)
