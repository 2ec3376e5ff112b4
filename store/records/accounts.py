"""The GitHub account that a person has connected."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class GithubAccount:
    """`sealed` holds the tokens; it is another text after each change.

    `expires_at` is of the access token; None: it does not expire. `is_refused`: GitHub takes it no
    more.
    """

    login: str
    sealed: str = field(repr=False)
    expires_at: datetime | None = None
    is_refused: bool | None = None
