"""Bug reports: what is sent to Sentry, and what never is.

Bugs reach Sentry through `log.exception` and `log.error`, wherever they are caught. Breadcrumbs,
local variables, request bodies and every integration that looks into prompts are off.
"""

import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

import sentry_sdk
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger
from sentry_sdk.transport import Transport
from sentry_sdk.types import Event, Hint

from app.settings import Settings
from core.errors import Refused, Transient
from engine import Middleware, RunCall, RunFailed, StepCall, StepFailed
from engine.middleware import Run, Step
from jobs.events import MessageSent
from llm.providers import PROVIDERS

TAGS = ("run_id", "step_id", "message_id", "request_id", "job_id", "event_id")
EXPECTED = (Refused, Transient, KeyboardInterrupt)
TEXT_LIMIT_CHARS = 500
FLUSH_S = 2.0
HIDDEN = "[hidden]"
_QUOTES_INPUT = ("pydantic", "pydantic_core", "anthropic", "openai", "sqlalchemy")

K = TypeVar("K", Refused, Transient)

_answering: ContextVar[str | None] = ContextVar("answering", default=None)
"""The message that the run in this task answers."""

_SECRETS = re.compile(
    r"""
      (?:sk|pk|key|csk|gh[pousr]|github_pat)[-_][A-Za-z0-9_\-]{12,}  # keys, GitHub tokens
    | eyJ[\w\-]{8,}\.[\w\-]+\.[\w\-]*                                # a JWT
    | (?i:bearer|convex)\s+[\w\-.|:=+/]{12,}                         # an Authorization header
    | (?<=://)[^\s/@]+:[^\s/@]+(?=@)                                 # user and password in a URL
    """,
    re.VERBOSE,
)


def start_sentry(settings: Settings, *, transport: type[Transport] | None = None) -> None:
    """Report bugs to `SENTRY_DSN`; does nothing when it is not set."""
    if settings.sentry_dsn is None:
        return
    ignore_logger("dbos")  # it repeats what the engine says
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.sentry_environment,
        transport=transport,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=40),
            DedupeIntegration(),
        ],
        before_send=before_send(secrets_of(settings)),
        data_collection={
            "user_info": False,
            "cookies": {"mode": "off"},
            "http_headers": {"request": {"mode": "off"}},
            "http_bodies": [],
            "url_query_params": {"mode": "off"},
            "gen_ai": {"inputs": False, "outputs": False},
            "database_query_data": False,
            "queues": False,
            "stack_frame_variables": False,
            "frame_context_lines": 0,
        },
        max_breadcrumbs=0,
        server_name="",
    )


def stop_sentry() -> None:
    """Send what waits to be sent, within `FLUSH_S`."""
    sentry_sdk.get_client().close(timeout=FLUSH_S)


class SentryTags(Middleware):
    """What is reported from inside a run or a step says which one it was."""

    async def on_run(self, call: RunCall, proceed: Run) -> Any:
        """A scope of the run's own, so that runs side by side keep their tags apart."""
        data = call.event.data
        # Not taken back: the engine says in this task how the run ends, after this has returned.
        _answering.set(data.message_id if isinstance(data, MessageSent) else None)
        with sentry_sdk.isolation_scope() as scope:
            scope.set_tags({"run_id": call.run_id, "job_id": call.job_id})
            return await proceed(call)

    async def on_step(self, call: StepCall, proceed: Step) -> Any:
        """A scope within that of the run."""
        with sentry_sdk.new_scope() as scope:
            scope.set_tag("step_id", call.step_id)
            return await proceed(call)


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """The values that must not leave, whatever text they turn up in."""
    held = (
        settings.database_url,
        settings.convex_internal_key,
        settings.otlp_headers,
        settings.github_token,
        settings.github_app_client_secret,
        settings.clerk_secret_key,
    )
    secrets = [secret.get_secret_value() for secret in held if secret is not None]
    secrets += [key for provider in PROVIDERS if (key := settings.key_of(provider))]
    if settings.engine_keys is not None:
        secrets += settings.engine_keys.get_secret_value().split(",")
    if settings.database_url is not None:
        password = urlsplit(settings.database_url.get_secret_value()).password
        secrets += [password, unquote(password)] if password else []
    return tuple(secrets)


def before_send(secrets: Iterable[str]) -> Callable[[Event, Hint], Event | None]:
    """The last look at a report: expected errors are dropped, texts scrubbed, ids become tags."""
    known = tuple(sorted((secret for secret in secrets if secret), key=len, reverse=True))

    def scrub(text: object) -> str:
        plain = str(text or "")
        for secret in known:
            plain = plain.replace(secret, HIDDEN)
        return _SECRETS.sub(HIDDEN, plain)[:TEXT_LIMIT_CHARS]

    def look(event: Event, hint: Hint) -> Event | None:
        if _is_expected((hint.get("exc_info") or (None, None))[1]):
            return None
        report = cast("dict[str, Any]", event)
        extra = _table(report.pop("extra", None))
        scoped = _table(report.get("tags"))
        tags = scoped | {name: scrub(extra[name]) for name in TAGS if name in extra}
        if (message_id := _answering.get()) is not None:
            tags.setdefault("message_id", message_id)
        report["tags"] = tags
        for name in ("request", "user", "breadcrumbs", "modules"):
            report.pop(name, None)
        exceptions: list[dict[str, Any]] = _table(report.get("exception")).get("values", [])
        for entry in exceptions:
            quotes = str(entry.get("module")).partition(".")[0] in _QUOTES_INPUT
            entry["value"] = HIDDEN if quotes else scrub(entry.get("value"))
        if "logentry" in report:
            report["logentry"] = {"message": scrub(_table(report["logentry"]).get("message"))}
        return event

    return look


def _table(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _is_expected(error: object) -> bool:
    if isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return all(_is_expected(member) for member in members)
    if isinstance(error, StepFailed | RunFailed):  # they carry the code of what went wrong
        return error.code in {kind.code for kind in _kinds(Refused) | _kinds(Transient)}
    return isinstance(error, EXPECTED)


def _kinds(root: type[K]) -> set[type[K]]:
    """The class and all below it."""
    below = {root}
    for kind in root.__subclasses__():
        below |= _kinds(kind)
    return below
