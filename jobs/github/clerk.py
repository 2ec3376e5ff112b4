"""Accounts that people have connected at Clerk, the identity provider: asked for by its API.

`GET /v1/users/{user_id}/oauth_access_tokens/{provider}` of Clerk's Backend API gives the tokens of
a user; Clerk keeps and renews them. The user's id is the `sub` of our tokens, as Clerk issues them.
"""

import logging
import re
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, Field, SecretStr, TypeAdapter, ValidationError

from core.ids import OwnerId
from jobs.github.asking import ask
from jobs.github.problems import GithubAway, LoginNotSetUp

log = logging.getLogger(__name__)

PROVIDER = "oauth_github"
_USER = re.compile(r"[A-Za-z0-9_-]{1,200}")
_NONE = frozenset({400, 404, 422})  # no such user, no such account, or one whose token is gone
_DENIED = frozenset({401, 403})


class _Token(BaseModel):
    token: str = Field(min_length=1, max_length=4_000)


_TOKENS = TypeAdapter(list[_Token])


@dataclass(frozen=True)
class ClerkAccounts:
    """The adapter for Clerk. `api_url` without a version; `secret` is Clerk's secret key."""

    api_url: str
    secret: SecretStr

    async def token(self, owner: OwnerId) -> SecretStr | None:
        """The token of the person's first GitHub account there.

        Raises:
            GithubAway: Clerk does not answer, or not what can be read.
            LoginNotSetUp: it does not take the secret key.
        """
        if not _USER.fullmatch(owner):  # it would lead to another place of the API
            return None
        answer = await ask(
            "GET",
            f"{self.api_url.rstrip('/')}/v1/users/{owner}/oauth_access_tokens/{PROVIDER}",
            who="Clerk",
            authorization=f"Bearer {self.secret.get_secret_value()}",
        )
        if answer.status in _NONE:
            return None
        if answer.status in _DENIED:
            log.error("clerk_key_refused", extra={"status": answer.status})
            raise LoginNotSetUp(
                "Clerk does not take CLERK_SECRET_KEY. Whoever runs this server has to mend it."
            )
        if answer.status != 200:  # noqa: PLR2004
            raise GithubAway(f"Clerk answers {answer.status}")
        rows = answer.value
        if isinstance(rows, dict):  # a page of them
            rows = cast("dict[str, Any]", rows).get("data")
        try:
            tokens = _TOKENS.validate_python(rows)
        except ValidationError:
            raise GithubAway("Clerk's answer cannot be read") from None
        return SecretStr(tokens[0].token) if tokens else None

    async def refused(self, owner: OwnerId, token: SecretStr) -> None:
        """Nothing is remembered: Clerk has the account, and the person connects it anew there."""
