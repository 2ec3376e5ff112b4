"""What the recipes of CONTRIBUTING.md add is listed where it has to be."""

import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from fastapi import APIRouter
from starlette.routing import Route

import app.http
import jobs
import llm.providers
import tools
from app.http.access import AuthenticatedRoute
from app.http.application import create_application
from app.http.context import Services
from app.models import model_of
from app.settings import Settings
from app.tools import CHAT_TOOLS, TOOLS
from core.clock import SystemClock
from engine import Job
from jobs.registry import JOBS
from llm.catalog import UNKNOWN, Catalog
from llm.providers import PROVIDERS, Provider
from tools.fetch import OLD_FETCH_TOOLS
from tools.files.by_id import ID_FILE_TOOLS
from tools.tool import Tool

ROOT = Path(__file__).parents[2]
ID_TOOLS_ONLY = (*ID_FILE_TOOLS, *OLD_FETCH_TOOLS)
# For probes; for whoever has a token of its own kind; for browsers that come back from GitHub,
# which have a cookie.
OPEN = {"/api/session", "/api/health", "/api/realtime", "/api/github/callback"}


def modules_below(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def of_type(module: ModuleType, kind: type) -> list[Any]:
    return [value for value in vars(module).values() if isinstance(value, kind)]


def test_every_tool_is_in_the_list_that_the_agent_gets() -> None:
    defined = {tool for module in modules_below(tools) for tool in of_type(module, Tool)}
    assert defined == {*TOOLS, *ID_TOOLS_ONLY, *CHAT_TOOLS}


def test_every_tool_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "agent.md").read_text()
    rows = set(re.findall(r"^\| `(\w+)` \|", page.split("## File tools")[1], re.MULTILINE))
    assert rows == {tool.name for tool in (*TOOLS, *ID_TOOLS_ONLY, *CHAT_TOOLS)}


def test_every_job_is_in_the_list_that_the_engine_gets() -> None:
    defined = {job.id for module in modules_below(jobs) for job in of_type(module, Job)}
    assert defined == {job.id for job in JOBS}


def test_every_module_with_a_job_body_is_behind_its_wall() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (wall,) = [
        contract
        for contract in settings["contracts"]
        if contract["name"] == "Job bodies are reached by events, never by import"
    ]
    bodies = {
        module.__name__
        for module in modules_below(jobs)
        for job in of_type(module, Job)
        if module.__name__ == job.fn.__module__
    }
    assert bodies
    assert bodies - set(wall["protected_modules"]) == set()


def test_every_provider_of_models_is_in_the_table() -> None:
    defined = of_type(llm.providers, Provider)
    assert defined == list(PROVIDERS)
    names = [provider.name for provider in PROVIDERS]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_every_provider_of_models_can_be_asked_for(provider: Provider) -> None:
    """Its key and its address are settings, and its name is known to `app.models`."""
    given = {provider.key_variable: "k", "POLARIS_MODELS": f"{provider.name}:m"}
    settings = Settings.model_validate({**given, provider.url_variable: "http://here/v1"})
    assert settings.key_of(provider) == ("k" if provider.needs_key else None)
    assert settings.url_of(provider) == "http://here/v1"
    assert model_of(settings).name == f"{provider.name}/m"


def test_every_provider_of_models_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "models.md").read_text().split("## Providers")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", page, re.MULTILINE)
    assert rows == [
        (
            provider.name,
            f"`{provider.key_variable}`" if provider.needs_key else "none",
            f"<{provider.base_url}>",
            f"`{provider.default_model}`" if provider.default_model else "none",
        )
        for provider in PROVIDERS
    ]


def test_every_model_that_a_key_alone_chooses_is_known() -> None:
    chosen = {f"{each.name}/{each.default_model}" for each in PROVIDERS if each.default_model}
    assert chosen
    assert {name for name in chosen if Catalog.default().facts(name) is UNKNOWN} == set()


def routes() -> list[Route]:
    """Those of every module of `app.http`, whether the application includes it or not."""
    routers = [
        router for module in modules_below(app.http) for router in of_type(module, APIRouter)
    ]
    return [route for router in routers for route in router.routes if isinstance(route, Route)]


def test_every_module_of_routes_is_in_the_application() -> None:
    nothing = cast("Services", None)  # no request is made
    application = create_application(nothing, Settings.model_construct(), SystemClock())
    served = set(application.openapi()["paths"])
    named = {route.path_format for route in routes() if route.include_in_schema}
    assert len(named) > 20
    assert named - served == set()


def test_every_route_below_api_asks_who_is_calling() -> None:
    below = [route for route in routes() if route.path.startswith("/api/")]
    unguarded = {route.path for route in below if not isinstance(route, AuthenticatedRoute)}
    assert unguarded == OPEN


def test_every_noun_of_the_api_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "http-api.md").read_text()
    nouns = {"/".join(route.path.split("/")[:3]) for route in routes()}
    assert {noun for noun in nouns if noun.startswith("/api/") and noun not in page} == set()
