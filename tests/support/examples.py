"""The Python blocks of a page of docs/, each with what it prints."""

import io
import re
import runpy
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A block under the heading that it stands under."""

    section: str
    code: str
    output: str

    def check(self, folder: Path) -> None:
        """Run it as a program in the folder, and compare what it prints with what the page says."""
        program = folder / "example.py"
        program.write_text(self.code)
        printed = io.StringIO()
        with redirect_stdout(printed):  # not capsys: loggers made meanwhile would keep its stderr
            runpy.run_path(str(program), run_name="__main__")
        assert self.output, "say what it prints, in a text block"
        assert printed.getvalue() == self.output


def examples(page: Path) -> list[Example]:
    """The blocks of a page, in order."""
    text = page.read_text()
    found: list[Example] = []
    for block in _BLOCK.finditer(text):
        section = re.findall(r"^## (.+)$", text[: block.start()], re.MULTILINE)[-1]
        found.append(Example(section, block[1], block[2] or ""))
    return found
