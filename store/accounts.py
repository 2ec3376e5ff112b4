"""Connected GitHub accounts: their tokens are known here by what they were sealed to only."""

from datetime import datetime
from typing import Literal

from core.ids import OwnerId
from store.client import ConvexHttp
from store.records import GithubAccount
from store.rows import decode

LeaseAnswer = Literal["taken", "busy", "changed"]


class GithubAccountRows:
    """One row a person. A change names the `sealed` text that was read; others' changes stay."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def get(self, owner: OwnerId) -> GithubAccount | None:
        """The person's account; None where none is connected."""
        value = await self._http.query("system/accounts:get", {"ownerId": owner})
        return None if value is None else decode(GithubAccount, value)

    async def connect(self, owner: OwnerId, account: GithubAccount) -> None:
        """Keep it in place of the one before. Raises: Refused (more than 20,000 characters)."""
        args = {
            "ownerId": owner,
            "login": account.login,
            "sealed": account.sealed,
            "expiresAt": _millis(account.expires_at),
        }
        await self._http.mutation("system/accounts:connect", args)

    async def lease(self, owner: OwnerId, sealed: str, *, holder: str, for_s: float) -> LeaseAnswer:
        """Be who gets new tokens: "busy" while another is, "changed" once there are others."""
        args = {
            "ownerId": owner,
            "sealed": sealed,
            "holder": holder,
            "forMs": round(for_s * 1000),
        }
        answer: LeaseAnswer = await self._http.mutation("system/accounts:lease", args)
        return answer

    async def reseal(
        self,
        owner: OwnerId,
        sealed: str,
        following: str,
        *,
        expires_at: datetime | None,
        holder: str | None = None,
    ) -> bool:
        """Keep `following` in place of `sealed`; False where there are others, or a lease."""
        args = {
            "ownerId": owner,
            "sealed": sealed,
            "next": following,
            "expiresAt": _millis(expires_at),
            "holder": holder,
        }
        return bool(await self._http.mutation("system/accounts:reseal", args))

    async def release(self, owner: OwnerId, *, holder: str) -> None:
        """End the lease without new tokens."""
        args = {"ownerId": owner, "holder": holder}
        await self._http.mutation("system/accounts:release", args)

    async def refuse(self, owner: OwnerId, sealed: str) -> None:
        """Remember that GitHub takes these tokens no more."""
        args = {"ownerId": owner, "sealed": sealed}
        await self._http.mutation("system/accounts:refuse", args)

    async def disconnect(self, owner: OwnerId) -> None:
        """Remove what is kept of the person's account, if anything."""
        await self._http.mutation("system/accounts:disconnect", {"ownerId": owner})


def _millis(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)  # rather too early than too late
