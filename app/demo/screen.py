"""What the demo prints: headings, text as it arrives, diffs, and a table at the end."""

import difflib
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

MAX_ARGUMENT_CHARS = 100


class Screen:
    """A terminal, or a pipe: colours only where they are seen."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)

    def heading(self, text: str) -> None:
        """A new act."""
        self._console.print(Text(f"\n── {text} ", style="bold"))

    def note(self, text: str) -> None:
        """A fact beside the story."""
        self._console.print(Text(text, style="dim"))

    def asked(self, text: str) -> None:
        """What the person wrote."""
        self._console.print(Text(f"you ▸ {text}", style="cyan"))

    def changed(self, before: str, after: str) -> None:
        """Text of the answer, as it arrives; a text that starts over says so."""
        if after.startswith(before):
            self._console.print(Text(after[len(before) :]), end="")
        else:
            kept = len(common_start(before, after))
            self._console.print(Text("\n[the turn starts over]\n", style="yellow"), end="")
            self._console.print(Text(after[kept:]), end="")

    def call(self, name: str, arguments: str, lines: Sequence[str]) -> None:
        """A tool call, and some lines of what it came to."""
        shown = (
            arguments
            if len(arguments) <= MAX_ARGUMENT_CHARS
            else f"{arguments[:MAX_ARGUMENT_CHARS]}…"
        )
        self._console.print(Text(f"{name} {shown}", style="magenta"))
        for line in lines:
            self._console.print(Text(f"    {line}", style="dim"))

    def end_of_text(self) -> None:
        """Close the line of a streamed answer."""
        self._console.print()

    def diff(self, before: Mapping[str, bytes], after: Mapping[str, bytes]) -> int:
        """Show which files changed; how many did."""
        changed = [p for p in sorted({*before, *after}) if before.get(p) != after.get(p)]
        for path in changed:
            for line in _diff(path, before.get(path, b""), after.get(path, b"")):
                style = {"+": "green", "-": "red", "@": "magenta"}.get(line[:1], "")
                self._console.print(Text(line, style=style))
        return len(changed)

    def table(self, rows: Mapping[str, object]) -> None:
        """The figures."""
        table = Table(title="What happened", show_header=False)
        for name, value in rows.items():
            table.add_row(name, str(value))
        self._console.print()
        self._console.print(table)


def _diff(path: str, before: bytes, after: bytes) -> list[str]:
    old, new = _lines(before), _lines(after)
    if old is None or new is None:
        return [f"binary file {path} changed ({len(before)} → {len(after)} bytes)"]
    return list(difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm=""))


def _lines(data: bytes) -> list[str] | None:
    try:
        return data.decode().splitlines()
    except UnicodeDecodeError:
        return None


def common_start(one: str, other: str) -> str:
    """The longest text that both begin with."""
    length = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return one[: min(len(one), len(other)) if length is None else length]
