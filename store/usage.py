"""What a person has used of models."""

from datetime import date

from core.ids import ConversationId, OwnerId, ProjectId
from store.client import ConvexHttp
from store.records import Means, UsageGroups, UsageSummary
from store.rows import decode


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

    async def means(self, conversation_id: ConversationId, *, owner: OwnerId, day: date) -> Means:
        """What budgets are measured by. Raises: NotFound."""
        args = {"ownerId": owner, "conversationId": conversation_id, "day": day.isoformat()}
        return decode(Means, await self._http.query("system/usage:means", args))
