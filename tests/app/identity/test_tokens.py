"""Tokens: which hold, and which do not."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from app.http.errors import status_of
from app.identity.keys import KeySet
from app.identity.tokens import Authenticator, SubjectNotStorable, Unauthorized
from core.clock import ManualClock
from tests.support.issuer import NOW, PARSABLE, UNPARSABLE, UNSTORABLE, Issuer


def authenticator(issuer: Issuer, audience: str | None = "polaris") -> Authenticator:
    keys = KeySet(issuer.data_url, ManualClock(NOW))
    return Authenticator(issuer=issuer.issuer, audience=audience, keys=keys)


async def test_a_good_token_speaks_for_its_subject() -> None:
    issuer = Issuer()
    caller = await authenticator(issuer).caller(f"Bearer {issuer.token('ada')}")
    assert caller.owner == "ada"


REAL_NOW = datetime.now(UTC)  # noqa: TID251 - PyJWT reads the real clock
BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": REAL_NOW - timedelta(minutes=1)},
    "not valid yet": {"nbf": REAL_NOW + timedelta(days=1)},
    "without an end": {"exp": None},
    "without a subject": {"sub": None},
    "with an empty subject": {"sub": ""},
    "with a subject that is no text": {"sub": 7},
    "with an endless subject": {"sub": "x" * 300},
    "of another issuer": {"iss": "https://evil.example"},
    "for another audience": {"aud": "another"},
    "for no audience": {"aud": None},
}


@pytest.mark.parametrize("changes", BAD_CLAIMS.values(), ids=BAD_CLAIMS.keys())
async def test_a_token_does_not_hold(changes: dict[str, Any]) -> None:
    issuer = Issuer()
    with pytest.raises(Unauthorized):
        await authenticator(issuer).caller(f"Bearer {issuer.token(**changes)}")


@pytest.mark.parametrize("changes", UNPARSABLE.values(), ids=UNPARSABLE.keys())
async def test_a_claim_that_cannot_be_read_is_a_token_that_does_not_hold(
    changes: dict[str, str | None],
) -> None:
    issuer = Issuer(issuer="https://tests.example")
    with pytest.raises(Unauthorized):
        await authenticator(issuer).caller(f"Bearer {issuer.raw_token(**changes)}")


@pytest.mark.parametrize("changes", PARSABLE.values(), ids=PARSABLE.keys())
async def test_a_time_is_any_number_of_seconds(changes: dict[str, str | None]) -> None:
    issuer = Issuer()
    caller = await authenticator(issuer).caller(f"Bearer {issuer.raw_token(**changes)}")
    assert caller.owner == "ada"


@pytest.mark.parametrize("subject", UNSTORABLE)
async def test_a_subject_that_cannot_be_stored_is_a_wrong_request(subject: str) -> None:
    issuer = Issuer()
    with pytest.raises(SubjectNotStorable, match="subject") as refused:
        await authenticator(issuer).caller(f"Bearer {issuer.raw_token(sub=subject)}")
    assert status_of(refused.value) == 400


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer ééé", "bearer\tx"],
)
async def test_a_header_without_a_token_is_refused(header: str | None) -> None:
    with pytest.raises(Unauthorized):
        await authenticator(Issuer()).caller(header)


async def test_a_token_of_a_strangers_key_is_refused() -> None:
    mine, stranger = Issuer(), Issuer()
    with pytest.raises(Unauthorized):
        await authenticator(mine).caller(f"Bearer {stranger.token()}")


async def test_an_unsigned_token_is_refused() -> None:
    issuer = Issuer()
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    forged = jwt.encode(claims, "", algorithm="none", headers={"kid": issuer.key_id})
    with pytest.raises(Unauthorized):
        await authenticator(issuer).caller(f"Bearer {forged}")


async def test_a_public_key_used_as_a_shared_secret_is_refused() -> None:
    issuer = Issuer()
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    forged = jwt.encode(
        claims, issuer.jwks["keys"][0]["x"] * 2, algorithm="HS256", headers={"kid": issuer.key_id}
    )
    with pytest.raises(Unauthorized):
        await authenticator(issuer).caller(f"Bearer {forged}")


async def test_rs256_as_clerk_signs_it_is_taken_without_an_audience() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    document = json.dumps({"keys": [jwk | {"kid": "ins_1", "alg": "RS256"}]})
    keys = KeySet(f"data:application/json,{quote(document)}", ManualClock(NOW))
    claims = {"iss": "https://clerk.example", "sub": "user_1", "exp": REAL_NOW + timedelta(days=1)}
    token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "ins_1"})
    judge = Authenticator(issuer="https://clerk.example", audience=None, keys=keys)
    assert (await judge.caller(f"Bearer {token}")).owner == "user_1"
