"""The login pages of the stand-in: authorize, tokens, device codes, renewal, revocation."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from io import BufferedIOBase
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

PLACES = ("/login/", "/api/v3/applications/")
CALLBACK = "https://ide.example/callback"  # as it is registered


@dataclass
class LoginPages:
    """One app, and what it was given. With `expires_in` its tokens are those of a GitHub App."""

    client_id: str = "Iv1.0123456789abcdef"
    client_secret: str = "c1ientSecretOfTheApp0123456789abcdef012345"  # noqa: S105 - of nobody
    scope: str = "repo,workflow"
    expires_in: int | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    devices: dict[str, str] = field(default_factory=dict[str, str])  # device code → login, ""
    renewals: dict[str, str] = field(default_factory=dict[str, str])  # refresh token → login
    given: list[str] = field(default_factory=list[str])  # every token there ever was
    asked: list[str] = field(default_factory=list[str])  # the kinds of what was asked
    answers: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])  # instead
    arrived: int = 0  # requests
    gate: threading.Event = field(default_factory=threading.Event)  # it waits while it is clear
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.gate.set()

    def allow(self, url: str, login: str) -> dict[str, str]:
        """What GitHub sends a browser back with, after `login` has allowed what `url` asks for."""
        query = dict(parse_qsl(urlsplit(url).query))
        assert query["client_id"] == self.client_id
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_hex(10)
        self.codes[code] = {
            "login": login,
            "challenge": query["code_challenge"],
            "redirect_uri": query.get("redirect_uri", ""),
        }
        return {"code": code, "state": query["state"]}

    def callback(self, url: str, login: str) -> str:
        """The path by which the browser comes back, then."""
        return f"/api/github/callback?{urlencode(self.allow(url, login))}"

    def type_in(self, login: str) -> None:
        """The person has typed in the code that was given last."""
        self.devices[next(reversed(self.devices))] = login

    def takes(self, path: str) -> bool:
        return path.startswith(PLACES)

    def answer(
        self, method: str, path: str, headers: Message, body: BufferedIOBase, users: dict[str, str]
    ) -> tuple[int, Any]:
        """Status and JSON; bytes are sent as they are."""
        raw = body.read(int(headers.get("Content-Length") or 0))
        self.arrived += 1
        self.gate.wait(60)
        with self.lock:
            if self.answers:
                return self.answers.pop(0)
            if method == "DELETE":
                return self._revoked(json.loads(raw), headers, users)
            form = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
            if form.get("client_id") != self.client_id:
                return 404, {"error": "Not Found"}
            if path == "/login/device/code":
                return self._device()
            return self._token(form, users)

    def _token(  # noqa: PLR0911 - a refusal each
        self, form: Mapping[str, str], users: dict[str, str]
    ) -> tuple[int, Any]:
        grant = form.get("grant_type", "authorization_code")
        self.asked.append(grant)
        if grant.endswith(":device_code"):
            return self._of_device(form["device_code"], users)
        if form.get("client_secret") != self.client_secret:
            return 200, {"error": "incorrect_client_credentials"}
        if grant == "refresh_token":
            login = self.renewals.pop(form["refresh_token"], None)
            if login is None:
                return 200, {"error": "bad_refresh_token"}
            return self._given(login, users)
        kept = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if kept is None or kept["challenge"] != challenge:
            return 200, {"error": "bad_verification_code"}
        if kept["redirect_uri"] != form.get("redirect_uri", ""):
            return 200, {"error": "redirect_uri_mismatch"}
        return self._given(kept["login"], users)

    def _device(self) -> tuple[int, Any]:
        code = secrets.token_hex(20)
        self.devices[code] = ""
        page = "https://github.example/login/device"
        said = {"user_code": "WDJB-MJHT", "verification_uri": page, "expires_in": 900}
        return 200, {"device_code": code, "interval": 1, **said}

    def _of_device(self, code: str, users: dict[str, str]) -> tuple[int, Any]:
        login = self.devices.get(code)
        if login is None:
            return 200, {"error": "incorrect_device_code"}
        if not login:
            return 200, {"error": "authorization_pending"}
        del self.devices[code]
        return self._given(login, users)

    def _given(self, login: str, users: dict[str, str]) -> tuple[int, Any]:
        kind = "gho" if self.expires_in is None else "ghu"
        access = f"{kind}_{secrets.token_hex(18)}"
        users[access] = login
        self.given.append(access)
        answer: dict[str, Any] = {"access_token": access, "token_type": "bearer"}
        if self.expires_in is None:
            return 200, {**answer, "scope": self.scope}
        refresh = f"ghr_{secrets.token_hex(38)}"
        self.renewals[refresh] = login
        self.given.append(refresh)
        more = {"expires_in": self.expires_in, "refresh_token_expires_in": 15_897_600}
        return 200, {**answer, **more, "refresh_token": refresh, "scope": ""}

    def _revoked(
        self, body: dict[str, str], headers: Message, users: dict[str, str]
    ) -> tuple[int, Any]:
        login = f"{self.client_id}:{self.client_secret}".encode()
        if headers.get("Authorization") != f"Basic {base64.b64encode(login).decode()}":
            return 401, {"message": "Requires authentication"}
        self.asked.append("revoke")
        if users.pop(body["access_token"], None) is None:
            return 404, {"message": "Not Found"}
        return 204, b""
