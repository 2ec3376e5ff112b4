"""What a person has used of models."""

import logging
from datetime import date

from core.errors import Transient
from core.ids import ConversationId, OwnerId, ProjectId, new_id
from core.usage import Usage
from store.client import ConvexHttp
from store.records import Means, UsageGroups, UsageSummary
from store.rows import decode, encode

log = logging.getLogger(__name__)


class UsageRows:
    """Written with the turns, summaries and ends of answers; read here."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def summary(  # noqa: PLR0913 - what is optional by name
        self,
        *,
        owner: OwnerId,
        first: date,
        last: date,
        by: UsageGroups,
        project_id: ProjectId | None = None,
        conversation_id: ConversationId | None = None,
    ) -> UsageSummary:
        """What was used from one day (UTC) to another, both included.

        Raises:
            NotFound: not the owner's project or conversation.
            Refused: the range is none or spans more than 366 days, or there is too much in it.
        """
        args = {
            "ownerId": owner,
            "from": first.isoformat(),
            "to": last.isoformat(),
            "groupBy": by,
            "projectId": project_id,
            "conversationId": conversation_id,
        }
        return decode(UsageSummary, await self._http.query("system/usage:summary", args))

    async def count(
        self,
        model: str,
        usage: Usage,
        *,
        owner: OwnerId,
        project_id: ProjectId | None = None,
        conversation_id: ConversationId | None = None,
    ) -> None:
        """Count a request beside answers, once; what the store does not take is lost, and said.

        A project that is not the owner's is left out: what was spent is spent.
        """
        args = {
            "ownerId": owner,
            "projectId": project_id,
            "conversationId": conversation_id,
            "model": model,
            "usage": encode(usage),
            "key": new_id("use"),
        }
        try:
            await self._http.mutation("system/usage:count", args)
        except Transient as fault:
            log.warning("usage_not_counted", extra={"model": model, "why": fault.code})

    async def means(self, conversation_id: ConversationId, *, owner: OwnerId, day: date) -> Means:
        """What budgets are measured by. Raises: NotFound."""
        args = {"ownerId": owner, "conversationId": conversation_id, "day": day.isoformat()}
        return decode(Means, await self._http.query("system/usage:means", args))
