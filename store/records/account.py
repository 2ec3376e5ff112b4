"""A person's account as a whole."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class AboutAccount:
    """What there is to know of it beside projects.

    `storage_bytes`: what the files of all projects take; `storage_limit_bytes` None: no limit.
    `deletion_requested_at`: it is being deleted.
    """

    storage_bytes: int
    storage_limit_bytes: int | None = None
    deletion_requested_at: datetime | None = None
