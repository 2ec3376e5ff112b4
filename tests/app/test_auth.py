"""Tokens: which hold, which do not, and how the issuer's keys are kept."""

import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from app.auth import KEYS_FRESH_S, REFETCH_S, Authenticator, KeySet, KeysUnavailable, parse_keys
from app.errors import InvalidRequest, Unauthorized, status_of
from app.identity import identity_of
from app.local_user import BadKeyFile, open_local_user
from app.settings import Settings
from core.clock import ManualClock, SystemClock
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
    "not valid yet": {"nbf": REAL_NOW + timedelta(minutes=5)},
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
    with pytest.raises(InvalidRequest, match="subject") as refused:
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
    claims = {"iss": "https://clerk.example", "sub": "user_1", "exp": REAL_NOW + timedelta(hours=1)}
    token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "ins_1"})
    judge = Authenticator(issuer="https://clerk.example", audience=None, keys=keys)
    assert (await judge.caller(f"Bearer {token}")).owner == "user_1"


@dataclass
class JwksServer:
    """An issuer's well-known address; `status` other than 200 is a bad day."""

    issuer: Issuer
    url: str = ""
    status: int = 200
    asked: int = 0
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response(self.issuer.jwks, status=self.status)

    @property
    def judge(self) -> Authenticator:
        keys = KeySet(self.url, self.clock)
        return Authenticator(issuer=self.issuer.issuer, audience="polaris", keys=keys)


@pytest.fixture
async def jwks() -> AsyncIterator[JwksServer]:
    server = JwksServer(Issuer())
    app = web.Application()
    app.router.add_get("/.well-known/jwks.json", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/.well-known/jwks.json"
    yield server
    await runner.cleanup()


async def test_keys_are_fetched_once_and_kept(jwks: JwksServer) -> None:
    judge = jwks.judge
    for _ in range(3):
        await judge.caller(f"Bearer {jwks.issuer.token()}")
    assert jwks.asked == 1


async def test_keys_are_fetched_again_when_they_are_old(jwks: JwksServer) -> None:
    judge = jwks.judge
    await judge.caller(f"Bearer {jwks.issuer.token()}")
    jwks.clock.advance(KEYS_FRESH_S + 1)
    await judge.caller(f"Bearer {jwks.issuer.token()}")
    assert jwks.asked == 2


async def test_a_rotated_key_is_found(jwks: JwksServer) -> None:
    judge = jwks.judge
    await judge.caller(f"Bearer {jwks.issuer.token()}")
    jwks.issuer.rotate("two")
    jwks.clock.advance(REFETCH_S + 1)
    assert (await judge.caller(f"Bearer {jwks.issuer.token('eve')}")).owner == "eve"


async def test_made_up_key_ids_do_not_hammer_the_issuer(jwks: JwksServer) -> None:
    judge = jwks.judge
    await judge.caller(f"Bearer {jwks.issuer.token()}")
    for number in range(20):
        stranger = Issuer(key_id=f"made-up-{number}")
        with pytest.raises(Unauthorized):
            await judge.caller(f"Bearer {stranger.token()}")
    assert jwks.asked == 1


async def test_old_keys_go_on_when_the_issuer_is_away(jwks: JwksServer) -> None:
    judge = jwks.judge
    await judge.caller(f"Bearer {jwks.issuer.token()}")
    jwks.status = 503
    jwks.clock.advance(KEYS_FRESH_S + 1)
    assert (await judge.caller(f"Bearer {jwks.issuer.token()}")).owner == "ada"


async def test_without_any_keys_nobody_is_judged_and_the_issuer_is_spared(jwks: JwksServer) -> None:
    jwks.status = 503
    judge = jwks.judge
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            await judge.caller(f"Bearer {jwks.issuer.token()}")
    assert jwks.asked == 1


def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


async def test_the_local_users_token_holds_and_survives_a_restart(tmp_path: Path) -> None:
    clock = SystemClock()
    first = identity_of(settings(tmp_path), clock)
    second = identity_of(settings(tmp_path), clock)
    caller = await Authenticator.of(second, clock).caller(f"Bearer {first.token}")
    assert caller.owner == "local"


async def test_another_installations_token_is_a_strangers(tmp_path: Path) -> None:
    clock = SystemClock()
    here = identity_of(Settings(data_dir=tmp_path / "here"), clock)
    there = identity_of(Settings(data_dir=tmp_path / "there"), clock)
    with pytest.raises(Unauthorized):
        await Authenticator.of(here, clock).caller(f"Bearer {there.token}")


def test_the_local_users_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    open_local_user(tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_file_with_something_else_is_named(tmp_path: Path) -> None:
    open_local_user(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text("not a key")
    with pytest.raises(BadKeyFile, match=file.name):
        open_local_user(tmp_path)


def test_a_key_set_that_is_none_is_refused() -> None:
    for document in (b"[]", b"{}", b'{"keys": 3}', b"<html>", b'{"keys": []}'):
        with pytest.raises(ValueError, match=r"."):
            parse_keys(document)


def test_two_starts_at_once_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        users = list(threads.map(open_local_user, [tmp_path] * 8))
    assert len({user.jwks_url for user in users}) == 1
    assert isinstance(users[0].key, ec.EllipticCurvePrivateKey)
