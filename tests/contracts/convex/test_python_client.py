"""The official Python client, unchanged, against the embedded Convex.

`ConvexClient` holds the GIL while it waits and knows no timeout, so the server is another process,
and nothing here calls a blocking method while that process is down: it would wait for ever.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Protocol

import pytest
from convex.http_client import ConvexHttpClient

from convex import ConvexClient, ConvexError, ConvexInt64
from tests.contracts.convex.conftest import ADMIN_KEY, ISSUER, Server, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAIT_S = 8.0


class Client(Protocol):
    """What both official clients can do."""

    def query(self, name: str, args: dict[str, Any] | None = None) -> Any: ...
    def mutation(self, name: str, args: dict[str, Any] | None = None) -> Any: ...
    def action(self, name: str, args: dict[str, Any] | None = None) -> Any: ...
    def set_auth(self, token: str) -> None: ...
    def set_admin_auth(self, admin_key: str) -> None: ...
    def clear_auth(self) -> None: ...


@pytest.fixture(params=[ConvexClient, ConvexHttpClient])
def client(request: pytest.FixtureRequest, server: Server) -> Client:
    ConvexHttpClient(server.url).mutation("tables:clear")
    return request.param(server.url)


@pytest.fixture
def live(server: Server) -> ConvexClient:
    ConvexHttpClient(server.url).mutation("tables:clear")
    return ConvexClient(server.url)


VALUES: dict[str, Any] = {
    "none": None,
    "booleans": [True, False],
    "floats": [0.5, 3.0, -1e300, math.inf, -math.inf],
    "int64": ConvexInt64(2**62),
    "negative int64": ConvexInt64(-(2**63)),
    "text": "é 漢字 🎈",
    "bytes": b"\x00\x01\xff",
    "nested": {"list": [{"deep": ConvexInt64(1)}, []], "empty": {}},
}


@pytest.mark.parametrize("name", VALUES)
async def test_every_type_of_value_comes_back_as_it_was_sent(client: Client, name: str) -> None:
    value = VALUES[name]
    client.mutation("values:save", {"key": name, "value": value})
    assert client.query("values:load", {"key": name}) == value
    assert client.action("values:echoAction", {"value": value}) == value


async def test_special_floats_keep_their_sign(client: Client) -> None:
    assert math.isnan(client.query("values:echo", {"value": math.nan}))
    assert math.copysign(1.0, client.query("values:echo", {"value": -0.0})) == -1.0


async def test_an_int_is_a_float_for_the_functions(client: Client) -> None:
    assert client.query("values:describe", {"value": 3}) == "number 3"
    result = client.mutation("transactions:add", {"name": "a", "amount": 3})
    assert (result, type(result)) == (3.0, float)


async def test_a_mutation_is_seen_by_the_next_query(client: Client) -> None:
    for total in range(1, 11):
        assert client.mutation("transactions:add", {"name": "a", "amount": 1}) == total
        assert client.query("transactions:balance", {"name": "a"}) == total


@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
async def test_a_convex_error_carries_its_data(client: Client, kind: str) -> None:
    path = {"query": "queryThrowsData", "mutation": "throwsData", "action": "actionThrowsData"}[
        kind
    ]
    data = {"code": "no_room", "left": 0.5, "list": [None, True]}
    with pytest.raises(Exception, match=r".") as failure:
        getattr(client, kind)(f"transactions:{path}", {"data": data})
    assert type(failure.value).__name__ == "ConvexError"  # each client has a class of its own
    assert getattr(failure.value, "data", None) == data


async def test_other_failures_say_what_went_wrong(client: Client) -> None:
    with pytest.raises(Exception, match="after the write"):
        client.mutation("transactions:writesThenThrows")
    with pytest.raises(Exception, match="after the mutation"):
        client.action("transactions:actionThatThrows")
    with pytest.raises(Exception, match="Could not find public function"):
        client.query("no:such")
    with pytest.raises(Exception, match="ArgumentValidationError"):
        client.mutation("transactions:add", {"name": 1, "amount": 1})
    assert client.query("transactions:balances") == {"stays": 1.0}


async def test_a_signed_in_person_is_known_until_signing_out(client: Client) -> None:
    assert client.query("identity:me") is None
    client.set_auth(ISSUER.token("ada", name="Ada"))
    assert client.query("identity:me")["name"] == "Ada"
    assert client.mutation("identity:subject") == "ada"
    assert client.action("identity:throughAction") == ["ada", "ada"]
    client.clear_auth()
    assert client.query("identity:me") is None


async def test_internal_functions_are_for_the_admin(client: Client) -> None:
    with pytest.raises(Exception, match="Could not find public function"):
        client.query("values:secret")
    client.set_admin_auth(ADMIN_KEY)
    assert client.query("values:secret") == "internal"


# -- subscriptions ---------------------------------------------------------------------------------


async def next_of(values: AsyncIterator[Any]) -> Any:
    async with asyncio.timeout(WAIT_S):
        return await anext(values)


async def until(values: AsyncIterator[Any], wanted: object) -> None:
    """The client may repeat and skip values; it must come to this one."""
    while await next_of(values) != wanted:
        pass


async def test_a_blocking_subscription_gives_each_value(live: ConvexClient) -> None:
    values = live.subscribe("transactions:balance", {"name": "a"})
    assert next(values) == 0.0
    for total in (1.0, 2.0, 3.0):
        live.mutation("transactions:add", {"name": "a", "amount": 1})
        assert next(values) == total
    values.unsubscribe()


async def test_an_async_subscription_follows_another_client(
    live: ConvexClient, server: Server
) -> None:
    values = live.subscribe("transactions:balance", {"name": "a"})
    assert await next_of(values) == 0.0
    writer = ConvexHttpClient(server.url)
    for total in (1.0, 2.0, 3.0):
        writer.mutation("transactions:add", {"name": "a", "amount": 1})
        await until(values, total)


async def test_a_failing_subscription_raises_and_recovers(
    live: ConvexClient, server: Server
) -> None:
    writer = ConvexHttpClient(server.url)
    writer.mutation("rows:fill", {"rows": [{"label": "one"}, {"label": "two"}]})
    values = live.subscribe("rows:uniqueOfTwo")
    with pytest.raises(Exception, match=r"unique\(\)"):
        await next_of(values)
    writer.mutation("tables:clear")
    assert await next_of(values) is None


async def test_a_subscription_raises_the_data_of_a_convex_error(live: ConvexClient) -> None:
    data: Any = {"code": 7.0, "left": ConvexInt64(0), "raw": b"\x01"}
    with pytest.raises(ConvexError) as failure:
        await next_of(live.subscribe("transactions:queryThrowsData", {"data": data}))
    assert failure.value.data == data


async def test_watching_all_shows_one_state_of_the_store(
    live: ConvexClient, server: Server
) -> None:
    writer = ConvexHttpClient(server.url)
    writer.mutation("transactions:set", {"name": "a", "balance": 10})
    a = live.subscribe("transactions:balance", {"name": "a"})
    b = live.subscribe("transactions:balance", {"name": "b"})
    everything = live.watch_all()
    for _ in range(5):
        writer.mutation("transactions:move", {"from": "a", "to": "b", "amount": 2})
    sums: set[float] = set()
    async with asyncio.timeout(WAIT_S):
        async for state in everything:
            assert state is not None
            balances: dict[Any, Any] = state
            if a.id in balances and b.id in balances:
                sums.add(balances[a.id] + balances[b.id])
                if balances[b.id] == 10.0:
                    break
    assert sums == {10.0}


async def values_of(client: ConvexClient, name: str) -> AsyncGenerator[Any]:
    subscription = client.subscribe("transactions:balance", {"name": name})
    async for value in subscription:
        yield value


@pytest.mark.timeout(60)
async def test_a_subscription_and_its_client_go_on_after_the_server_was_killed(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "data.sqlite") as server:
        client = ConvexClient(server.url)
        async with aclosing(values_of(client, "a")) as values:
            await until(values, 0.0)
            client.mutation("transactions:add", {"name": "a", "amount": 1})
            await until(values, 1.0)
            await server.kill()
            await server.run()
            ConvexHttpClient(server.url).mutation("transactions:add", {"name": "a", "amount": 4})
            await until(values, 5.0)
            assert client.mutation("transactions:add", {"name": "a", "amount": 1}) == 6.0
            assert client.query("transactions:balance", {"name": "a"}) == 6.0


@pytest.mark.timeout(60)
async def test_what_was_acknowledged_is_there_after_kill_9(tmp_path: Path) -> None:
    async with serving(tmp_path / "data.sqlite") as server:
        client = ConvexHttpClient(server.url)
        for total in range(1, 4):
            add: Any = {"name": "a", "amount": 1}
            acknowledged = [client.mutation("transactions:add", add) for _ in range(5)]
            await server.kill()
            await server.run()
            assert acknowledged[-1] == total * 5
            assert client.query("transactions:balance", {"name": "a"}) == total * 5
