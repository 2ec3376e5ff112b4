"""Polaris as a person would run it, over a scripted model and with what a viewer needs."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.convex import CONVEX_FUNCTIONS
from app.demo.client import Api
from app.demo.server import Child
from app.identity.issuer import identity_of
from app.settings import load_settings, own_environment
from bench.wire import Wire
from core.clock import SystemClock
from embedded_convex.process import EmbeddedConvex
from llm.scripted.process import ScriptedModel
from llm.scripted.scenario import Scenario

FLUSH_MS = 100
UNBOUNDED: Mapping[str, str] = {
    "POLARIS_RATE_MESSAGES": "1000000",
    "POLARIS_RATE_WRITES": "1000000",
}
"""Settings for one person who asks for more than one person may."""

NOT_SET = ("POLARIS_DATABASE_URL", "CONVEX_URL", "POLARIS_AUTH_ISSUER", "SENTRY_DSN")


@dataclass(frozen=True)
class Product:
    """A running `polaris dev` with one project."""

    api: Api
    api_url: str
    model: ScriptedModel
    project_id: str
    convex_url: str
    token: str


@asynccontextmanager
async def product(
    scenario: Scenario, folder: Path, given: Mapping[str, str] | None = None
) -> AsyncGenerator[Product]:
    """`polaris dev` with its own embedded Convex, as it comes but for the settings `given`."""
    async with (
        scripted(scenario, folder) as model,
        _polaris(model, folder, given or {}) as running,
    ):
        yield running


@asynccontextmanager
async def product_on_wire(
    scenario: Scenario, folder: Path
) -> AsyncGenerator[tuple[Product, Wire, Wire]]:
    """`polaris dev` and its viewers, each with a counting proxy before the embedded Convex.

    The second value counts what the product sends, the third what viewers get.
    """
    key = secrets.token_hex(32)
    data = folder / "polaris"
    identity = identity_of(load_settings(data_dir=data), SystemClock())
    functions_see = {**identity.convex_environment, "POLARIS_CONVEX_INTERNAL_KEY": key}
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(scripted(scenario, folder))
        convex = await stack.enter_async_context(
            EmbeddedConvex(
                CONVEX_FUNCTIONS, folder / "convex.sqlite", admin_key="", env=functions_see
            )
        )
        sent = await stack.enter_async_context(Wire(convex.url))
        seen = await stack.enter_async_context(Wire(convex.url))
        given = {"CONVEX_URL": sent.url, "POLARIS_CONVEX_INTERNAL_KEY": key}
        running = await stack.enter_async_context(_polaris(model, folder, given))
        yield running, sent, seen


@asynccontextmanager
async def scripted(scenario: Scenario, folder: Path) -> AsyncGenerator[ScriptedModel]:
    """The model server as a process of its own, its log in the folder."""
    script = folder / "scenario.json"
    await asyncio.to_thread(_write, script, scenario.model_dump_json())
    child = await Child.start(
        ["llm.scripted", "--scenario", str(script)],
        environment=own_environment(),
        log=folder / "model-server.log",
    )
    try:
        yield ScriptedModel(child.ready["url"])
    finally:
        await child.stop()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@asynccontextmanager
async def _polaris(
    model: ScriptedModel, folder: Path, given: Mapping[str, str]
) -> AsyncGenerator[Product]:
    child = await start_dev(model, folder, given)
    try:
        token = child.ready["token"]
        async with Api(child.ready["api"], token) as api:
            project_id = await api.create_project("bench")
            yield Product(api, child.ready["api"], model, project_id, child.ready["convex"], token)
    finally:
        await child.stop()


async def start_dev(
    model: ScriptedModel,
    folder: Path,
    given: Mapping[str, str] | None = None,
    *,
    options: Sequence[str] = ("--port", "0"),
    module: str = "app.main",
) -> Child:
    """`polaris dev` on the data in the folder, which is made when missing; `given` is set, too.

    `module`: what is run as `polaris`.

    Raises:
        StartFailed: it did not become ready.
    """
    environment = {
        **own_environment(),
        **dict.fromkeys(NOT_SET, ""),
        "ANTHROPIC_API_KEY": "scripted",
        "ANTHROPIC_BASE_URL": model.url,
        "POLARIS_MODELS": "anthropic:claude-sonnet-5-5",
        "POLARIS_FLUSH_MS": str(FLUSH_MS),
        "POLARIS_GRACE_S": "1",
        **(given or {}),
    }
    command = [module, "dev", *options, "--data", str(folder / "polaris")]
    return await Child.start(command, environment=environment, log=folder / "polaris.log")
