"""Tokens for a subscription: signed by whoever may allow it, shown by whoever subscribes."""

import secrets
from datetime import timedelta
from typing import Any

import jwt
import sqlalchemy as sa
from pydantic import BaseModel, ValidationError

from core.clock import Clock
from core.errors import Refused
from engine.realtime.channels import Address, address
from engine.storage import tables

ALGORITHM = "HS256"  # who signs and who checks have one database, and so one secret
SETTING = "realtime.secret"


class BadToken(Refused):
    """The token has expired, or was not made with this engine's database."""

    code = "bad_token"


class _Claims(BaseModel):
    channel: str
    topics: list[str] | None
    exp: float


def signing_secret(connection: sa.Connection) -> str:
    """The secret of this database; made when it is first asked for, by one process of several."""
    row = {"key": SETTING, "value": secrets.token_hex(32)}
    query = sa.select(tables.setting.c.value).where(tables.setting.c.key == SETTING)
    found = connection.execute(query).scalar()
    if found is not None:
        return found
    tables.insert_new(connection, tables.setting, row)
    return connection.execute(query).scalar_one()


class Tokens:
    """Makes and judges tokens."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def make(self, where: Address, ttl_s: float) -> str:
        """A token for this channel and these topics."""
        claims: dict[str, Any] = {
            "channel": where.channel,
            "topics": None if where.topics is None else list(where.topics),
            # Not whole seconds, as most JWTs have: PyJWT would cut a short time to nothing.
            "exp": (self._clock.now() + timedelta(seconds=ttl_s)).timestamp(),
        }
        return jwt.encode(claims, self._secret, ALGORITHM)

    def read(self, token: str) -> Address:
        """What the token is for. Raises: BadToken."""
        try:
            # PyJWT would ask the system's clock.
            options: Any = {"verify_exp": False}
            raw = jwt.decode(token, self._secret, [ALGORITHM], options=options)
            claims = _Claims.model_validate(raw)
        except (jwt.PyJWTError, ValidationError, ValueError):
            raise BadToken("the subscription token does not hold here") from None
        if self._clock.now().timestamp() >= claims.exp:
            raise BadToken("the subscription token has expired; ask for a new one")
        return address(claims.channel, claims.topics)
