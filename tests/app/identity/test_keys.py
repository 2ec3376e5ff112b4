"""The keys of an issuer: fetched when needed, kept, and fetched again when they rotate."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from app.identity.keys import KEYS_FRESH_S, REFETCH_S, KeySet, KeysUnavailable, parse_keys
from app.identity.tokens import Authenticator, Unauthorized
from core.clock import ManualClock
from tests.support.issuer import NOW, Issuer


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


def test_a_key_set_that_is_none_is_refused() -> None:
    for document in (b"[]", b"{}", b'{"keys": 3}', b"<html>", b'{"keys": []}'):
        with pytest.raises(ValueError, match=r"."):
            parse_keys(document)
