"""An operator's billing: answers as it was told to, and remembers what it was asked."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "the-billing-key"


@dataclass
class BillingStandIn:
    """`answers` by the feature or page that is asked for; what is not in it is allowed."""

    url: str = ""
    status: int = 200
    answers: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def answer(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.Response(status=401)
        question = await request.json()
        self.asked.append(question)
        subject = question.get("feature") or question.get("page")
        body = self.answers.get(subject, {"allowed": True})
        return web.json_response(body, status=self.status)


@asynccontextmanager
async def billing_stand_in() -> AsyncGenerator[BillingStandIn]:
    stand_in = BillingStandIn()
    app = web.Application()
    app.router.add_post("/billing", stand_in.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    stand_in.url = f"http://127.0.0.1:{port}/billing"
    try:
        yield stand_in
    finally:
        await runner.cleanup()
