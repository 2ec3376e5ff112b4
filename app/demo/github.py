"""A small GitHub on loopback: what an import and an export ask of it, over bare repositories."""

import asyncio
import base64
import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from aiohttp import web

LOGIN = "demo"
API = "/api/v3"
LARGEST_PUSH_BYTES = 64 * 1024 * 1024
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Demo",
    "GIT_AUTHOR_EMAIL": "demo@example.com",
    "GIT_COMMITTER_NAME": "Demo",
    "GIT_COMMITTER_EMAIL": "demo@example.com",
}


class GitMissing(Exception):
    """The program `git` is not on this machine."""


class LoopbackGithub:
    """One account, whose token every request needs; an async context manager while it serves."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._token = f"ghp_{secrets.token_hex(18)}"
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        """Listen on a free port of loopback."""
        app = web.Application(client_max_size=LARGEST_PUSH_BYTES, middlewares=[self._with_token])
        app.router.add_get(f"{API}/user", self._user)
        app.router.add_post(f"{API}/user/repos", self._create)
        app.router.add_get(f"{API}/repos/{{owner}}/{{name}}", self._repository)
        app.router.add_get(f"{API}/repos/{{owner}}/{{name}}/commits/{{ref:.+}}", self._commit)
        app.router.add_route("*", "/{owner}/{name}.git/{rest:.+}", self._git_over_http)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def settings(self) -> Mapping[str, str]:
        """What Polaris has to be started with to use this GitHub, and no other account."""
        return {
            "GITHUB_SERVER_URL": self.url,
            "GITHUB_API_URL": self.url + API,
            "GITHUB_TOKEN": self._token,
        }

    def page(self, name: str) -> str:
        """The address of a repository of the account."""
        return f"{self.url}/{LOGIN}/{name}"

    async def make(self, name: str, folder: Path) -> None:
        """A repository with the files of `folder`, an absolute path. Raises: GitMissing."""
        await self._make(name)
        work = f"--work-tree={folder}"
        await self._git(name, work, "add", "--all", ".", folder=folder)
        await self._git(name, work, "commit", "--quiet", "--message=The sample", folder=folder)

    async def tree(self, name: str) -> str:
        """The name (SHA-1) of the tree of a repository's last commit."""
        return await self._git(name, "rev-parse", "main^{tree}")

    async def log(self, name: str) -> list[str]:
        """Its commits, newest first: short name and subject."""
        return (await self._git(name, "log", "--format=%h %s", "main")).splitlines()

    # --- REST ---

    @web.middleware
    async def _with_token(self, request: web.Request, handler: Any) -> web.StreamResponse:
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "basic":
            value = base64.b64decode(value).decode(errors="replace").partition(":")[2]
        if not secrets.compare_digest(value.encode(), self._token.encode()):
            demand = {"WWW-Authenticate": 'Basic realm="GitHub"'}
            return web.json_response({"message": "Bad credentials"}, status=401, headers=demand)
        return await handler(request)

    async def _user(self, _request: web.Request) -> web.Response:
        return web.json_response({"login": LOGIN, "url": f"{self.url}{API}/user"})

    async def _create(self, request: web.Request) -> web.Response:
        name = str((await request.json())["name"])
        await self._make(name)
        return web.json_response(await self._record(name), status=201)

    async def _repository(self, request: web.Request) -> web.Response:
        return web.json_response(await self._record(self._known(request)))

    async def _commit(self, request: web.Request) -> web.Response:
        name, ref = self._known(request), request.match_info["ref"]
        sha = await self._git(name, "rev-parse", f"{ref}^{{commit}}")
        url = f"{self.url}{API}/repos/{LOGIN}/{name}/commits/{sha}"
        return web.json_response({"sha": sha, "url": url})

    async def _record(self, name: str) -> dict[str, Any]:
        refs = await self._git(name, "for-each-ref")
        return {
            "name": name,
            "full_name": f"{LOGIN}/{name}",
            "private": True,
            "default_branch": "main",
            "size": 1 if refs else 0,
            "url": f"{self.url}{API}/repos/{LOGIN}/{name}",
            "html_url": self.page(name),
            "permissions": {"admin": True, "push": True, "pull": True},
        }

    def _known(self, request: web.Request) -> str:
        """The repository that is asked for."""
        owner, name = request.match_info["owner"], request.match_info["name"]
        if owner != LOGIN or not (self._folder / LOGIN / f"{name}.git" / "HEAD").is_file():
            text = json.dumps({"message": "Not Found"})
            raise web.HTTPNotFound(text=text, content_type="application/json")
        return name

    # --- git ---

    async def _git_over_http(self, request: web.Request) -> web.Response:
        """`git http-backend` is the other half of git's own protocol; it speaks CGI."""
        self._known(request)
        body = await request.read()  # aiohttp has unpacked it
        cgi = {
            "GIT_PROJECT_ROOT": str(self._folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": LOGIN,
            "REMOTE_ADDR": "127.0.0.1",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        said = await _run("http-backend", data=body, more=cgi)
        head, _, content = said.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        return web.Response(status=status, body=content, headers=headers)

    async def _make(self, name: str) -> None:
        path = self._folder / LOGIN / f"{name}.git"
        path.mkdir(parents=True)
        await self._git(name, "init", "--quiet", "--bare", "--initial-branch=main")
        await self._git(name, "config", "http.receivepack", "true")

    async def _git(self, name: str, *arguments: str, folder: Path | None = None) -> str:
        repository = f"--git-dir={self._folder / LOGIN / name}.git"
        said = await _run(repository, *arguments, folder=folder)
        return said.decode(errors="replace").strip()


async def _run(
    *arguments: str,
    data: bytes = b"",
    more: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> bytes:
    """What git prints. Raises: GitMissing, RuntimeError (git's own words)."""
    program = shutil.which("git")
    if program is None:
        raise GitMissing("git is not installed on this machine")
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**_ENVIRONMENT, **(more or {})},
        cwd=folder,
    )
    output, errors = await process.communicate(data)
    if process.returncode != 0:
        raise RuntimeError(f"git {arguments[:2]}: {errors.decode(errors='replace')[-500:]}")
    return output
