"""Convex goes away in the middle of an answer: nothing is lost once it is back."""

import asyncio

import pytest

from tests.e2e.conftest import NUMBERED, As, Broken

pytestmark = pytest.mark.timeout(120)

AWAY_S = 10.0


async def test_convex_that_stands_still_for_10_s_loses_nothing(
    product: Broken, client_of: As
) -> None:
    api = await client_of(product)
    sent = await api.send(await api.conversation(), "long")
    await api.until_streaming(sent["messageId"])
    convex = product.convex
    convex.suspend()
    try:
        await asyncio.sleep(AWAY_S)  # the fault itself
    finally:
        convex.resume()
    answer = await api.until_final(sent["messageId"])
    assert (answer["status"], answer["content"]) == ("completed", NUMBERED)


async def test_convex_that_is_killed_comes_back_and_nothing_is_lost(
    product: Broken, client_of: As
) -> None:
    api = await client_of(product)
    sent = await api.send(await api.conversation(), "long")
    await api.until_streaming(sent["messageId"])
    product.convex.kill()
    answer = None
    while answer is None:
        seen = await api.call("GET", f"/api/messages/{sent['messageId']}")
        if seen.status == 200 and seen.body["status"] != "processing":
            answer = seen.body
        await asyncio.sleep(0.05)
    assert (answer["status"], answer["content"]) == ("completed", NUMBERED)
