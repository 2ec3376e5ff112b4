"""People's plans, and how much of them is used."""

from core.ids import OwnerId
from store.client import ConvexHttp
from store.records import Plan, PlanUsage
from store.rows import decode, encode


class Plans:
    """One row a person; where there is none, everybody has the plan of the installation."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def keep(self, owner: OwnerId, plan: Plan) -> None:
        """Go by this plan from now on; the same again changes nothing."""
        await self._http.mutation("system/plans:keep", {"ownerId": owner, "plan": encode(plan)})

    async def usage(self, owner: OwnerId) -> PlanUsage:
        """How many projects the person has and may have."""
        return decode(PlanUsage, await self._http.query("system/plans:usage", {"ownerId": owner}))
