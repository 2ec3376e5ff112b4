"""What the arguments of tools have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tools.workspace.paths import MAX_PATH_CHARS


class Arguments(BaseModel):
    """Arguments of a tool as the model writes them: unknown ones are refused, with their name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


MAX_CONTENT_CHARS = 2_000_000  # more than any model writes in one turn

FilePath = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_PATH_CHARS,
        description="Path relative to the project, such as src/app.ts.",
    ),
]
