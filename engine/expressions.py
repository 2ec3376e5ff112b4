"""CEL expressions and dotted paths over events."""

import hashlib
import json
import logging
import re
import sys
import threading
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

# Without this it imports its command line, and with that prompt_toolkit and Rich: 0.1 s a start.
sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))

import cel  # noqa: E402 - see above

log = logging.getLogger("engine.expressions")

MAX_LENGTH = 4000  # CEL's parser overflows its stack, and ends the process, at ten times as much
MAX_KEY = 400  # PostgreSQL's indexes take 2.7 kB a row, ids and names beside it included
MAX_COUNTED = 1000  # texts of expressions that are told apart: a wait may bring a new one each time

_NO_VALUE = object()

_TYPES = re.compile(
    "bool|bytes|double|google|int|list|map|null_type|optional|optional_type|string|type|uint"
)
_FUNCTIONS = re.compile(
    "bytes|contains|double|duration|dyn|endsWith|hasValue|int|matches|none|of|ofNonZeroValue|or|"
    "orValue|size|startsWith|string|timestamp|type|uint|value|"
    "get(Date|DayOfMonth|DayOfWeek|DayOfYear|FullYear|Hours|Milliseconds|Minutes|Month|Seconds)"
)
_BOUND = re.compile(
    r"\.\s*(?:all|exists|exists_one|existsOne|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,"
)
_OPERATOR = re.compile(r"[_@!-]")


class Expression:
    """One compiled CEL expression over `event`, and `async` where there is a later event."""

    def __init__(self, source: str, *, later: bool = False) -> None:
        """Compile; with `later` there will be a second event, `async`.

        Raises:
            ValueError: the text is not CEL, or it names what is not there.
        """
        self.source = source
        self._program = _compile(source)
        _check_names(source, self._program, {"event", "async"} if later else {"event"})

    def _evaluate(self, event: Mapping[str, Any], later: Mapping[str, Any] | None) -> Any:
        variables = {"event": dict(event), **({} if later is None else {"async": dict(later)})}
        try:
            return self._program.execute(variables)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the library is no Exception
            _raised.note(self.source, error)
            return _NO_VALUE

    def value(self, event: Mapping[str, Any], later: Mapping[str, Any] | None = None) -> Any:
        """What it evaluates to; None where it raises: what is not there is no match."""
        value = self._evaluate(event, later)
        return None if value is _NO_VALUE else value

    def holds(self, event: Mapping[str, Any], later: Mapping[str, Any] | None = None) -> bool:
        """Whether it evaluates to true; anything else is no match."""
        return self._evaluate(event, later) is True

    def key(self, event: Mapping[str, Any]) -> str | None:
        """What it evaluates to, as a short text to look up by; None where it raises."""
        value = self._evaluate(event, None)
        return None if value is _NO_VALUE else lookup_text(value)


def _compile(source: str) -> "cel.Program":
    if not isinstance(source, str):  # pyright: ignore[reportUnnecessaryIsInstance] - users may
        raise ValueError(f"{source!r} is no CEL expression: write it as text")  # noqa: TRY004
    if len(source) > MAX_LENGTH:
        raise ValueError(
            f"{source[:40]!r}… is no CEL expression that is read: it has {len(source)} characters, "
            f"{MAX_LENGTH} are allowed"
        )
    try:
        return cel.compile(source)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the library is no Exception
        reason = " ".join(str(error).splitlines()[:1]) or type(error).__name__
        raise ValueError(f"{source!r} is not a CEL expression: {reason}") from error


def _check_names(source: str, program: "cel.Program", known: set[str]) -> None:
    used = set(program.variables()) - known - set(_BOUND.findall(source))
    names = [name for name in sorted(used) if not _TYPES.fullmatch(name)]
    if names:
        hint = "async is there only where a later event is looked at; " * ("async" in names)
        raise ValueError(
            f"the expression {source!r} uses {', '.join(names)}; {hint}write "
            + " or ".join(f"{name}.data.…" for name in sorted(known, reverse=True))
        )
    functions = [
        name
        for name in program.functions()
        if not _OPERATOR.search(name) and not _FUNCTIONS.fullmatch(name)
    ]
    if functions:
        raise ValueError(
            f"the expression {source!r} calls {', '.join(functions)}, which CEL does not have; "
            "it has size, contains, startsWith, endsWith, matches, has, all, exists, map, filter, "
            "timestamp, duration and conversions"
        )


@lru_cache(maxsize=256)
def stored_expression(source: str) -> Expression | None:
    """The expression of a wait, as it was stored; None for one that is wrong: it never holds."""
    try:
        return Expression(source, later=True)
    except ValueError as error:
        _raised.note(source, error)
        return None


class _Raised:
    """How often expressions have raised in this process; the first time of a kind is logged."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()  # sends are stored by several threads

    def note(self, source: str, error: BaseException) -> None:
        """Count what an expression has raised."""
        name = type(error).__name__
        with self._lock:
            if source not in self._counts and len(self._counts) >= MAX_COUNTED:
                del self._counts[next(iter(self._counts))]
            counts = self._counts.setdefault(source, {})
            counts[name] = counts.get(name, 0) + 1
            is_first = counts[name] == 1
        if is_first:
            # A field that is not there is everyday, and the reason why this is no error.
            level = logging.INFO if isinstance(error, KeyError) else logging.WARNING
            log.log(level, "expression_raised", extra={"expression": source, "error": name})

    def totals(self) -> dict[str, int]:
        """The counts by the texts of the expressions."""
        with self._lock:
            return {source: sum(counts.values()) for source, counts in self._counts.items()}


_raised = _Raised()


def expression_errors() -> dict[str, int]:
    """How often each expression has raised in this process, by its text."""
    return _raised.totals()


def path_value(event: Mapping[str, Any], path: str) -> str | None:
    """The value at a dotted path such as `data.userId`, as `lookup_text`; None where missing."""
    value: Any = event
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]  # pyright: ignore[reportUnknownVariableType] - JSON
    return lookup_text(value)  # pyright: ignore[reportUnknownArgumentType] - JSON


def lookup_text(value: object) -> str:
    """A value as a text that can be indexed: JSON, which keeps `1` and `"1"` apart.

    Of a long one it is the hash, which looks like no JSON.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    except TypeError:  # the keys of a map are of several kinds
        text = json.dumps(value, separators=(",", ":"), default=str)
    return text if len(text) <= MAX_KEY else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
