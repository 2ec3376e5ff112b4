"""The product with keys of clients, which are two people's."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from tests.support.api_client import Api, api_at
from tests.support.issuer import Issuer
from tests.support.product import Program, disposable

ADA, BOB = "user_ada", "user_bob"
# The same in each process of the tests: names of tests are made of keys.
SIGNING_SECRET = hashlib.sha256(b"ada").hexdigest()


@dataclass(frozen=True)
class Keys:
    """One of each kind."""

    event: str
    signing: str
    trigger: str


def keys_of(name: str, secret: str) -> Keys:
    return Keys(
        f"event-key-of-{name}-0123456789",
        f"signkey-prod-{secret}",
        f"tr_prod_{name}0123456789abcdef",
    )


KEYS = {
    ADA: keys_of("ada", SIGNING_SECRET),
    BOB: keys_of("bob", hashlib.sha256(b"bob").hexdigest()),
}


@pytest.fixture(scope="package")
def clients_product(
    product_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    env = product_env | {
        "POLARIS_BUSY_POLICY": "queue",
        "POLARIS_EVENT_KEYS": ",".join(f"{KEYS[who].event}={who}" for who in KEYS),
        "POLARIS_SIGNING_KEYS": ",".join(f"{KEYS[who].signing}={who}" for who in KEYS),
        "POLARIS_TRIGGER_KEYS": ",".join(f"{KEYS[who].trigger}={who}" for who in KEYS),
    }
    folder = tmp_path_factory.mktemp("dev-clients")
    with disposable(["dev"], folder=folder, env=env) as program:
        yield program


@pytest.fixture
async def people(clients_product: Program, issuer: Issuer) -> AsyncIterator[dict[str, Api]]:
    url = clients_product.ready["api"]
    async with AsyncExitStack() as stack:
        yield {
            who: await stack.enter_async_context(api_at(url, who, issuer.token(who)))
            for who in KEYS
        }
