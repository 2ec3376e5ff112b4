"""What a person may ask for in a minute, by the class of the route."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.http.rates.buckets import Buckets
from core.errors import Refused
from core.ids import OwnerId

MINUTE_S = 60.0


class RateClass(StrEnum):
    """Routes that share a bucket: what they cost is of one kind."""

    READS = "reads"
    WRITES = "writes"
    MESSAGES = "messages"  # what takes minutes: a run, of a worker and a model; all of an account
    STREAMS = "streams"  # what stays open


STARTING = frozenset(
    {
        ("POST", "/api/messages"),
        ("POST", "/api/chat"),
        ("POST", "/api/messages/{message_id}/retry"),
        ("POST", "/api/messages/{message_id}/edit"),
        ("POST", "/api/projects/generate"),
        ("POST", "/api/projects/create-with-prompt"),
        ("POST", "/api/events"),
        ("POST", "/api/github/export"),
        ("POST", "/api/github/import"),
        ("POST", "/api/github/pull"),
        ("POST", "/api/github/pull-request"),
        ("POST", "/api/projects/import"),
        ("POST", "/api/runs/replay"),
        ("POST", "/api/runs/{run_id:path}/replay"),
        ("POST", "/api/runs/{run_id:path}/rerun"),
        ("POST", "/e/{key}"),
        ("POST", "/v1/events"),
        ("POST", "/api/v1/tasks/{task_id}/trigger"),
        ("POST", "/api/v1/tasks/{task_id}/batch"),
        ("POST", "/api/v2/tasks/batch"),
        ("POST", "/api/v3/batches/{batch_id}/items"),
        ("POST", "/api/v1/runs/{run_id:path}/replay"),
        ("GET", "/api/account/export"),
        ("DELETE", "/api/account"),
    }
)
FOLLOWING = frozenset(
    {
        ("POST", "/api/runs/realtime"),
        ("POST", "/api/runs/{run_id:path}/realtime"),
        ("GET", "/api/conversations/{conversation_id}/events"),
        ("GET", "/api/chat/{chat_id}/stream"),
    }
)


def class_of(method: str, route: str) -> RateClass:
    """The class of a route, by its method and its path as it is declared."""
    if (method, route) in STARTING:
        return RateClass.MESSAGES
    if (method, route) in FOLLOWING:
        return RateClass.STREAMS
    return RateClass.READS if method in {"GET", "HEAD"} else RateClass.WRITES


class RateLimited(Refused):
    """The person has asked for more in a minute than one person may."""

    code = "rate_limited"

    def __init__(self, kind: str, per_minute: int, *, retry_after_s: float) -> None:
        self.retry_after_s = max(1, math.ceil(retry_after_s))
        super().__init__(
            f"Too many requests: {per_minute} {kind} a minute are allowed; "
            f"try again in {self.retry_after_s} s"
        )


@dataclass(frozen=True)
class RateLimits:
    """A bucket for each person and class; it holds what `per_minute` says, and fills in a minute.

    A class of 0 is not limited.
    """

    buckets: Buckets
    per_minute: Mapping[RateClass, int]

    async def check(self, owner: OwnerId, kind: RateClass) -> None:
        """Count a request. Raises: RateLimited: it is one too many now."""
        size = self.per_minute[kind]
        if size == 0:
            return
        wait_s = await self.buckets.take(f"{kind}:{owner}", size=size, every_s=MINUTE_S / size)
        if wait_s > 0:
            raise RateLimited(kind, size, retry_after_s=wait_s)
