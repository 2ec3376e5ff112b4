"""No token of GitHub's is anywhere in clear: stores, logs, files, reports, programs that run.

An account is connected, used by imports and exports that end well, fail, are cancelled and break,
renewed and let go; then everything is looked through. The engine is on PostgreSQL here.
"""

import asyncio
import base64
import gzip
import threading
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psutil
import psycopg
import pytest
from psycopg import sql

from engine import PostgresDatabase
from tests.support.databases import postgres, postgres_server
from tests.support.github import File, GithubStandIn, github_stand_in
from tests.support.github.server import Fault
from tests.support.github_app import (
    app_environment,
    connect,
    person_at,
    transfer_over,
    transfer_when,
)
from tests.support.issuer import Issuer
from tests.support.product import Program, disposable

__all__ = ["postgres", "postgres_server"]

pytestmark = pytest.mark.timeout(180)  # it starts a product of its own

EXPIRES_S = 300  # less than a token has to hold when it is used: each use renews it


class _Sentry(BaseHTTPRequestHandler):
    """Keeps the envelopes that are sent to it."""

    server: "Reports"  # pyright: ignore[reportIncompatibleVariableOverride] - it is no other

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.envelopes.append(body)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        del format, args


class Reports(ThreadingHTTPServer):
    """A Sentry of our own."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Sentry)
        self.envelopes: list[bytes] = []


@pytest.fixture
def reports() -> Iterator[Reports]:
    with Reports() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GithubStandIn]:
    with github_stand_in(tmp_path / "github") as github:
        github.login.expires_in = EXPIRES_S
        yield github


async def test_no_secret_of_an_account_is_anywhere_in_clear(
    tmp_path: Path,
    github: GithubStandIn,
    issuer: Issuer,
    product_env: dict[str, str],
    reports: Reports,
    postgres: PostgresDatabase,
) -> None:
    folder = tmp_path / "product"
    dsn = f"http://public@127.0.0.1:{reports.server_port}/1"
    more = {"POLARIS_DATABASE_URL": postgres.libpq, "SENTRY_DSN": dsn}
    env = app_environment(product_env, github) | more
    seen = Seen()
    with disposable(["dev"], folder=folder, env=env) as product:
        await play(product, issuer, github, seen)
        product.stop()  # what waits to be sent to Sentry is
    assert seen.programs > 0
    assert "refresh_token" in github.login.asked
    assert any(b'"exception"' in each for each in reports.envelopes)
    forms = [form for secret in secrets_of(github) for form in forms_of(secret)]
    places = {
        **{str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()},
        "programs": seen.said,
        "sentry": b"\n".join(reports.envelopes),
        "postgresql": dump_of(postgres.libpq),
    }
    assert any(name.endswith(".log") for name in places)
    assert len(places["postgresql"]) > 10_000
    assert any(b"githubAccounts" in data for data in places.values())
    found = {name for name, data in places.items() if any(form in data for form in forms)}
    assert found == set()


class Seen:
    """Arguments, environments and open files of the programs that a product has started."""

    def __init__(self) -> None:
        self.said = b""
        self.programs = 0

    def look(self, product: Program) -> None:
        own = Path(f"/proc/{product.process.pid}/cmdline").read_bytes()
        for process in psutil.Process(product.process.pid).children(recursive=True):
            try:
                program = Path(f"/proc/{process.pid}")
                arguments = (program / "cmdline").read_bytes()
                if arguments == own:
                    continue  # it is the product itself until it has begun another program
                self.said += arguments + (program / "environ").read_bytes()
                self.programs += b"remote-http" in arguments  # what talks to GitHub
            except (psutil.NoSuchProcess, OSError):
                continue  # it has ended


async def play(product: Program, issuer: Issuer, github: GithubStandIn, seen: Seen) -> None:
    """All that is done with an account."""
    github.repositories.make("octo/here", private=True)
    github.repositories.commit("octo/here", [File(b"a.txt", b"a\n")])
    async with person_at(product, issuer) as person:
        await connect(person, github)
        begin = {"url": "octo/here"}
        # While git talks to GitHub, it can be looked at.
        github.gate.clear()
        started = await person.ok("POST", "/api/github/import", begin)
        project = started["projectId"]
        await transfer_when(person, project, lambda it: it["phase"] == "fetching")
        async with asyncio.timeout(50):
            while not seen.programs:
                seen.look(product)
                await asyncio.sleep(0.01)
        github.gate.set()
        assert (await transfer_over(person, project))["status"] == "completed"
        export = {"projectId": project, "repoName": "there"}
        await person.ok("POST", "/api/github/export", export)
        assert (await transfer_over(person, project))["status"] == "completed"
        # Cancelled in the middle.
        github.gate.clear()
        started = await person.ok("POST", "/api/github/import", begin)
        cancelled = {"projectId": started["projectId"]}
        await transfer_when(person, started["projectId"], lambda it: it["phase"] == "fetching")
        await person.ok("POST", "/api/github/import/cancel", cancelled)
        github.gate.set()
        # A bug of ours, which Sentry hears of: an answer that no code expects.
        github.faults.append(Fault("GET /api/v3/user", 200, {"login": 7}))
        assert (await person.call("GET", "/api/github/status")).status == 500
        # Refused: a repository that is not there, a name that is taken, a renewal, a login.
        started = await person.ok("POST", "/api/github/import", {"url": "octo/nowhere"})
        assert (await transfer_over(person, started["projectId"]))["status"] == "failed"
        await person.ok("POST", "/api/github/export", export | {"repoName": "here"})
        assert (await transfer_over(person, project))["errorCode"] == "repository_name_taken"
        github.login.renewals.clear()
        assert (await person.ok("GET", "/api/github/status"))["connected"] is False
        bad = await person.call("POST", "/api/github/callback", {"state": "x", "code": "y"})
        assert bad.status == 400
        await connect(person, github)
        await person.ok("DELETE", "/api/github/connection")
        await connect(person, github)  # what is kept now is looked for as well


def secrets_of(github: GithubStandIn) -> Iterable[str]:
    yield github.login.client_secret
    yield from github.login.given
    verifiers = [parse_qs(urlsplit(asked).query).get("code_verifier") for asked in github.asked]
    assert verifiers.count(None) == len(verifiers)  # it is no part of an address


def forms_of(secret: str) -> Iterable[bytes]:
    """As it is, in a Basic header, in base64 with whatever stands before it."""
    yield secret.encode()
    yield base64.b64encode(f"x-access-token:{secret}".encode())
    yield quote(secret).encode()
    for before in range(3):
        inside = base64.b64encode(b"x" * before + secret.encode())
        yield inside[4:-4]


def dump_of(url: str) -> bytes:
    """Every row of every table."""
    said: list[str] = []
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert len(tables) > 10
        for schema, name in tables:
            table = sql.Identifier(schema, name)
            rows = connection.execute(
                sql.SQL("SELECT t::text FROM {} AS t").format(table)
            ).fetchall()
            said += [str(row[0]) for row in rows]
    return "\n".join(said).encode()
