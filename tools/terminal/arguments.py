"""What the arguments of the terminal tools have in common."""

from typing import Annotated

from pydantic import Field

from tools.terminal.policy.parse import MAX_CHARS
from tools.workspace.paths import MAX_PATH_CHARS

CommandLine = Annotated[
    str, Field(min_length=1, max_length=MAX_CHARS, description="One line of bash, or several.")
]

StartFolder = Annotated[
    str,
    Field(
        max_length=MAX_PATH_CHARS,
        description="Folder to start in, relative to the project; its root by default.",
    ),
]
