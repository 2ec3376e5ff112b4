"""The server of the stand-in: the REST routes that we use, and `git http-backend`."""

import base64
import json
import subprocess
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.github.git_http import READ_BYTES, Backend, Exchange, Line
from tests.support.github.login import LoginPages
from tests.support.github.repositories import Repositories

API = "/api/v3"
ASKED = "/-/asked"  # every request so far, for whoever runs the server as a process of its own


@dataclass
class Fault:
    """What is answered instead, `times` times, to a request whose method and path have `match`."""

    match: str
    status: int
    body: Mapping[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    times: int = 1


@dataclass
class GithubStandIn:
    """One GitHub: who has which token, which repositories, what it was asked."""

    url: str
    repositories: Repositories
    users: dict[str, str] = field(default_factory=dict[str, str])  # token → login
    organizations: set[str] = field(default_factory=set[str])
    login: LoginPages = field(default_factory=LoginPages)
    faults: list[Fault] = field(default_factory=list[Fault])
    asked: list[str] = field(default_factory=list[str])
    pulls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    gate: threading.Event = field(default_factory=threading.Event)  # git waits while it is clear
    line: Line = field(default_factory=Line)
    delay_s: float = 0.0  # before each answer, as GitHub is not on this machine

    @property
    def api_url(self) -> str:
        return self.url + API

    def fault_of(self, asked: str) -> Fault | None:
        for fault in self.faults:
            if fault.match in asked and fault.times > 0:
                fault.times -= 1
                return fault
        return None


@contextmanager
def github_stand_in(folder: Path) -> Generator[GithubStandIn]:
    """Serves on loopback while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    server = _Server(("127.0.0.1", 0), _Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    github = GithubStandIn(url, Repositories(folder))
    github.gate.set()
    server.github = github
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield github
    finally:
        github.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    github: GithubStandIn


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - it is no other
    protocol_version = "HTTP/1.1"

    @property
    def github(self) -> GithubStandIn:
        return self.server.github

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        del format, args

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        if self.github.login.takes(self.path):
            self._log_in()
            return
        body = self._body()
        path = unquote(urlsplit(self.path).path)
        asked = f"{self.command} {path}"
        if path == ASKED:
            self._json(200, self.github.asked)
            return
        self.github.asked.append(f"{self.command} {self.path}")
        time.sleep(self.github.delay_s)
        fault = self.github.fault_of(asked)
        if fault is not None:
            deque(body, maxlen=0)
            self._json(fault.status, fault.body, fault.headers)
        elif path.startswith(API):
            self._rest(path.removeprefix(API).strip("/").split("/"), b"".join(body))
        else:
            self.github.gate.wait(60)
            self._git(path, body)

    def _body(self) -> Iterator[bytes]:
        """What was sent, as it comes; it has to be read to its end."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            left = int(self.headers.get("Content-Length") or 0)
            while data := self.rfile.read(min(left, READ_BYTES)):
                left -= len(data)
                yield data
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _login(self) -> str | None:
        """Who calls; None without a token, "" with one that does not hold."""
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if not kind:
            return None
        if kind.lower() == "basic":
            value = base64.b64decode(value).decode().partition(":")[2]
        return self.github.users.get(value, "")

    def _log_in(self) -> None:
        given = self.command, self.path, self.headers, self.rfile, self.github.users
        status, said = self.github.login.answer(*given)
        if isinstance(said, bytes):
            self._answer(status, said, {"Content-Type": "text/html"})
        else:
            self._json(status, said)

    # --- REST ---

    def _rest(self, parts: list[str], body: bytes) -> None:
        login = self._login()
        if login == "":
            self._json(401, {"message": "Bad credentials"})
            return
        match (self.command, parts):
            case ("GET", ["user"]) if login:
                self._json(200, {"login": login, "url": f"{self.github.api_url}/user"})
            case ("GET", ["orgs", name]) if name in self.github.organizations:
                self._json(200, {"login": name, "url": f"{self.github.api_url}/orgs/{name}"})
            case ("POST", ["user", "repos"]) if login:
                self._create(login, json.loads(body))
            case ("POST", ["orgs", name, "repos"]) if name in self.github.organizations:
                self._create(name, json.loads(body))
            case (_, ["repos", owner, name, "pulls"]) if self._sees(f"{owner}/{name}", login):
                self._pulls(f"{owner}/{name}", body)
            case ("GET", ["repos", owner, name, *rest]) if self._sees(f"{owner}/{name}", login):
                self._repository(f"{owner}/{name}", rest, login)
            case ("GET", ["user"]):
                self._json(401, {"message": "Requires authentication"})
            case _:
                self._json(404, {"message": "Not Found"})

    def _sees(self, full_name: str, login: str | None) -> bool:
        repositories = self.github.repositories
        is_open = full_name not in repositories.private
        return repositories.exists(full_name) and (is_open or bool(login))

    def _create(self, owner: str, asked: dict[str, Any]) -> None:
        full_name = f"{owner}/{asked['name']}"
        if self.github.repositories.exists(full_name):
            fault = {"resource": "Repository", "message": "name already exists on this account"}
            answer = {"message": "Repository creation failed.", "errors": [fault]}
            self._json(422, answer)
            return
        self.github.repositories.make(full_name, private=bool(asked.get("private")))
        self._json(201, self._record(full_name))

    def _record(self, full_name: str) -> dict[str, Any]:
        repositories = self.github.repositories
        branch = repositories.default_branch(full_name)
        return {
            "name": full_name.partition("/")[2],
            "full_name": full_name,
            "private": full_name in repositories.private,
            "default_branch": branch,
            "size": 10 if repositories.head(full_name, branch) else 0,
            "url": f"{self.github.api_url}/repos/{full_name}",
            "html_url": f"{self.github.url}/{full_name}",
            "permissions": {"push": True, "pull": True, "admin": True},
        }

    def _repository(self, full_name: str, rest: list[str], login: str | None) -> None:
        del login
        repositories = self.github.repositories
        url = f"{self.github.api_url}/repos/{full_name}"
        match rest:
            case []:
                self._json(200, self._record(full_name))
            case ["commits", *ref]:
                if not repositories.git(full_name, "for-each-ref"):
                    self._json(409, {"message": "Git Repository is empty."})
                    return
                sha = self._commit_of(full_name, "/".join(ref))
                if sha is None:
                    self._json(422, {"message": f"No commit found for SHA: {'/'.join(ref)}"})
                else:
                    self._json(200, {"sha": sha, "url": f"{url}/commits/{sha}"})
            case ["compare", *names]:
                self._json(200, {"status": self._compared(full_name, "/".join(names))})
            case ["git", "matching-refs", *prefix]:
                wanted = f"refs/{'/'.join(prefix)}"
                names = repositories.git(full_name, "for-each-ref", "--format=%(refname)")
                found = [name for name in names.split() if name.startswith(wanted)]
                self._json(200, [{"ref": name, "url": f"{url}/git/{name}"} for name in found])
            case ["git", "ref" | "refs", *name]:
                sha = self._commit_of(full_name, "refs/" + "/".join(name))
                if sha is None:
                    self._json(404, {"message": "Not Found"})
                else:
                    target = {"sha": sha, "type": "commit", "url": f"{url}/git/commits/{sha}"}
                    self._json(200, {"ref": "refs/" + "/".join(name), "object": target})
            case _:
                self._json(404, {"message": "Not Found"})

    def _pulls(self, full_name: str, body: bytes) -> None:
        url = f"{self.github.url}/{full_name}/pull"
        if self.command == "GET":
            asked = parse_qs(urlsplit(self.path).query)
            head = asked.get("head", [""])[0]
            found = [it for it in self.github.pulls if it["of"] == full_name]
            self._json(
                200,
                [it for it in found if it["state"] == "open" and it["head"]["label"] == head],
            )
            return
        asked_for = json.loads(body)
        label = f"{full_name.partition('/')[0]}:{asked_for['head']}"
        for each in self.github.pulls:
            if (each["of"], each["state"], each["head"]["label"]) == (full_name, "open", label):
                text = f"A pull request already exists for {label}."
                self._json(422, {"message": "Validation Failed", "errors": [{"message": text}]})
                return
        number = len(self.github.pulls) + 1
        made = {
            "of": full_name,
            "number": number,
            "state": "open",
            "title": asked_for["title"],
            "body": asked_for.get("body"),
            "html_url": f"{url}/{number}",
            "url": f"{self.github.api_url}/repos/{full_name}/pulls/{number}",
            "head": {"ref": asked_for["head"], "label": label},
            "base": {"ref": asked_for["base"], "label": asked_for["base"]},
        }
        self.github.pulls.append(made)
        self._json(201, made)

    def _compared(self, full_name: str, names: str) -> str:
        one, _, other = names.partition("...")

        def is_in(commit: str, later: str) -> bool:
            try:
                self.github.repositories.git(
                    full_name, "merge-base", "--is-ancestor", commit, later
                )
            except subprocess.CalledProcessError:
                return False
            return True

        ahead, behind = is_in(one, other), is_in(other, one)
        return {
            (True, True): "identical",
            (True, False): "ahead",
            (False, True): "behind",
            (False, False): "diverged",
        }[ahead, behind]

    def _commit_of(self, full_name: str, ref: str) -> str | None:
        try:
            return self.github.repositories.git(
                full_name, "rev-parse", "-q", "--verify", f"{ref}^{{commit}}"
            )
        except subprocess.CalledProcessError:
            return None

    # --- git ---

    def _git(self, path: str, body: Iterator[bytes]) -> None:
        full_name = "/".join(path.strip("/").split("/")[:2]).removesuffix(".git")
        login = self._login()
        writes = "git-receive-pack" in self.path
        if login == "" or (login is None and writes):
            self._refused(401, body)
        elif not self._sees(full_name, login):
            self._refused(404 if login else 401, body)
        else:
            query = urlsplit(self.path).query
            exchange = Exchange(self.command, path, query, self.headers, login)
            with Backend(exchange, self.github.repositories.root) as backend:
                answer = backend.answer(body)
                is_pack = path.endswith("/git-upload-pack")
                pieces = self.github.line.through(answer.body, is_pack=is_pack)
                self._stream(answer.status, pieces, answer.headers)

    def _refused(self, status: int, body: Iterator[bytes]) -> None:
        deque(body, maxlen=0)
        self._json(status, {"message": "No"}, {"WWW-Authenticate": 'Basic realm="GitHub"'})

    def _stream(self, status: int, pieces: Iterator[bytes], headers: Mapping[str, str]) -> None:
        """The answer in chunks; where the line breaks, the connection does."""
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _json(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        kind = {} if isinstance(body, str) else {"content-type": "application/json; charset=utf-8"}
        more = {**kind, **(headers or {})}
        text = body if isinstance(body, str) else json.dumps(body)
        self._answer(status, text.encode(), more)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
