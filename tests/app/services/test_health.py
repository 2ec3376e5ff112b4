"""Readiness: one part that is down, or that hangs, makes the whole degraded and is named."""

import asyncio

from app.services.health import Health
from core.clock import SystemClock


async def fine() -> None:
    return


async def down() -> None:
    raise ConnectionRefusedError("secret-host:5432")


async def hanging() -> None:
    await asyncio.Event().wait()


async def test_a_part_that_is_down_is_named_by_its_kind_of_error_only() -> None:
    report = await Health({"store": fine, "engine": down}, SystemClock()).report()
    assert report["store"].problem is None
    assert report["engine"].problem == "ConnectionRefusedError"
    assert "secret" not in str(report)


async def test_a_part_that_hangs_does_not_hang_the_report() -> None:
    async with asyncio.timeout(8):
        report = await Health({"store": hanging, "engine": fine}, SystemClock()).report()
    assert report["store"].problem == "TimeoutError"
    assert report["engine"].problem is None
