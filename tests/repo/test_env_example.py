"""`.env.example` lists every setting with its default and one line.

`python -m tests.repo.test_env_example` writes it anew.
"""

from enum import StrEnum
from pathlib import Path
from typing import cast

from app.settings import Settings, variable_of

EXAMPLE = Path(__file__).parents[2] / ".env.example"
HEAD = "# Every setting with its default. Copy to .env and take away the # of what you change.\n"


def shown(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, tuple):
        return ",".join(cast("tuple[str, ...]", default))
    return default.value if isinstance(default, StrEnum) else str(default)


def rendered() -> str:
    entries = [
        f"\n# {field.description}\n#{variable_of(name)}={shown(field.default)}\n"
        for name, field in Settings.model_fields.items()
    ]
    return HEAD + "".join(entries)


def test_every_setting_is_in_the_example_with_its_default_and_one_line() -> None:
    assert EXAMPLE.read_text() == rendered()


def test_the_example_as_it_is_gives_the_defaults() -> None:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and line[0] != "#"]
    assert lines == []


def test_the_example_with_every_line_switched_on_is_accepted(tmp_path: Path) -> None:
    switched_on = tmp_path / ".env"
    text = EXAMPLE.read_text()
    for name in Settings.model_fields:
        text = text.replace(f"#{variable_of(name)}=", f"{variable_of(name)}=")
    switched_on.write_text(text)
    # A name of pydantic-settings' own, which the type of __init__ does not show.
    given: dict[str, Path] = {"_env_file": switched_on}
    assert Settings(**given) == Settings.model_construct()  # pyright: ignore[reportArgumentType] - as above


if __name__ == "__main__":
    EXAMPLE.write_text(rendered())
