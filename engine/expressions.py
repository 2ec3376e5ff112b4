"""CEL expressions and dotted paths over events."""

import json
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

# Without this it imports its command line, and with that prompt_toolkit and Rich: 0.1 s a start.
sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))

import cel  # noqa: E402 - see above


class Expression:
    """One compiled CEL expression over `event`, and `async` where there is a later event."""

    def __init__(self, source: str) -> None:
        """Compile.

        Raises:
            ValueError: the text is not CEL.
        """
        self.source = source
        # `async` is a reserved word of CEL but Inngest's name for the second event.
        self._program = cel.compile(_rename_async(source))

    def value(self, event: Mapping[str, Any], later: Mapping[str, Any] | None = None) -> Any:
        """What it evaluates to; None where a key is missing or the types do not fit."""
        variables: dict[str, Any] = {"event": dict(event), "later": dict(later or {})}
        try:
            return self._program.execute(variables)
        except (KeyError, TypeError, ValueError, RuntimeError):
            return None  # Inngest: an expression over data that is not there is no match

    def holds(self, event: Mapping[str, Any], later: Mapping[str, Any] | None = None) -> bool:
        """Whether it evaluates to true; anything else is no match."""
        return self.value(event, later) is True


def _rename_async(source: str) -> str:
    return source.replace("async.", "later.")


def path_value(event: Mapping[str, Any], path: str) -> str | None:
    """The value at a dotted path such as `data.userId`, as JSON text; None where it is missing.

    JSON text keeps `1` and `"1"` apart and can be indexed.
    """
    value: Any = event
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]  # pyright: ignore[reportUnknownVariableType] - JSON
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
