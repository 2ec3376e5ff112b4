"""Addresses as a browser sees them: a project stands in /workspace there, wherever it is here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from core.errors import Refused
from tools.lsp.positions import path_of, uri_of
from tools.workspace.paths import confine
from tools.workspace.port import BadPath, RelPath

ROOT = Path("/workspace")
ROOT_URI = ROOT.as_uri()
OUTSIDE = "outside:///"
"""Before the name of a file that is none of the project's, such as a library's."""


class OutsideOfProject(Refused):
    """An address leads out of the project."""

    code = "outside_of_project"


def path_of_client(uri: str) -> RelPath:
    """The file that a client names. Raises: OutsideOfProject."""
    path = path_of(ROOT, uri)
    if path is None:
        raise OutsideOfProject(f"{uri[:200]!r} is not below {ROOT_URI}")
    return path


def from_client(value: Any, root: Path) -> Any:
    """What a client says, with addresses of this machine. Raises: OutsideOfProject."""

    def change(text: str) -> str:
        if text.rstrip("/") == ROOT_URI:
            return root.as_uri()
        if text.rstrip("/") == str(ROOT):
            return str(root)
        if text.startswith("file:"):
            return uri_of(root, path_of_client(text))
        if text.startswith(f"{ROOT}/"):
            try:
                return str(root / confine(text.removeprefix(f"{ROOT}/")))
            except BadPath as bad:
                raise OutsideOfProject(str(bad)) from None
        return text

    return _changed(value, change)


def for_client(value: Any, root: Path) -> Any:
    """What a server says, without a word on where the project stands on this machine."""
    uri = root.as_uri()

    def change(text: str) -> str:
        if not text.startswith("file:"):
            return text.replace(uri, ROOT_URI).replace(str(root), str(ROOT))
        if text == uri or text.startswith(f"{uri}/"):
            return f"{ROOT_URI}{text.removeprefix(uri)}"
        path = path_of(root, text)
        return uri_of(ROOT, path) if path else f"{OUTSIDE}{text.rpartition('/')[2]}"

    return _changed(value, change)


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    """Every text of a JSON value changed, keys as well: edits are kept by their addresses."""
    match value:
        case str():
            return change(value)
        case list():
            return [_changed(each, change) for each in cast("list[Any]", value)]
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {change(key): _changed(each, change) for key, each in items}
        case _:
            return value
