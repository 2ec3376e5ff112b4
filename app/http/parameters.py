"""Parameters that routes of several nouns take."""

from typing import Annotated

from fastapi import Header, Query

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key again gives the first answer again, and does nothing.",
    ),
]
Cursor = Annotated[
    str | None, Query(max_length=4_096, description="`nextCursor` of the page before.")
]
