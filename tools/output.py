"""What a tool call comes to: a text for the model, and typed parts for people and programs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

from tools.workspace.port import RelPath

MAX_DIFF_CHARS = 100_000  # of one file; a longer one says so and is cut between two lines
MAX_PARTS_BYTES = 256 * 1024  # of a call, as JSON: it stands in one row with arguments and text
LARGE_IMAGE_CHARS = 128 * 1024  # of base64; an image that has more is kept as a blob


class _Shown:
    """A part as people get it: names in camel case."""

    __pydantic_config__ = ConfigDict(alias_generator=to_camel, validate_by_name=True)


@dataclass(frozen=True)
class DiffPart(_Shown):
    """How a call changed one file, as a unified diff without a header.

    `path` is the file afterwards; `old_path` where it was if it was moved. A file that is not text
    has an empty diff. `added` and `removed` count lines, also of a diff that `is_cut`.
    """

    path: RelPath
    change: Literal["created", "changed", "deleted", "renamed"]
    diff: str = ""
    added: int = 0
    removed: int = 0
    old_path: RelPath | None = None
    is_cut: bool = False
    type: Literal["diff"] = "diff"


@dataclass(frozen=True)
class MoreFilesPart(_Shown):
    """So many files more were changed, whose diffs are not kept."""

    count: int
    type: Literal["moreFiles"] = "moreFiles"


@dataclass(frozen=True)
class Diagnostic(_Shown):
    """One finding of a language server; `line` and `column` count from 1."""

    path: RelPath
    line: int
    column: int
    severity: Literal["error", "warning", "information", "hint"]
    message: str
    code: str = ""
    source: str = ""


@dataclass(frozen=True)
class DiagnosticsPart(_Shown):
    """What a language server says of files."""

    diagnostics: tuple[Diagnostic, ...]
    type: Literal["diagnostics"] = "diagnostics"


@dataclass(frozen=True)
class ImagePart(_Shown):
    """An image, base64, for people and for models that see."""

    media_type: Literal["image/png", "image/jpeg", "image/gif", "image/webp"]
    data: str
    type: Literal["image"] = "image"

    @property
    def is_large(self) -> bool:
        """Whether it is too large to stand in a row with other parts."""
        return len(self.data) > LARGE_IMAGE_CHARS


@dataclass(frozen=True)
class FullTextPart(_Shown):
    """The model was shown a part only: the whole text is kept under `handle`."""

    handle: str
    size_bytes: int
    type: Literal["fullText"] = "fullText"


@dataclass(frozen=True)
class ExitPart(_Shown):
    """How a command ended; `code` is negative for a signal, None if it was stopped by us."""

    code: int | None = None
    took_s: float = 0.0
    type: Literal["exit"] = "exit"


@dataclass(frozen=True)
class EndedPart(_Shown):
    """We ended processes of a command, at `at` (ISO 8601): by name, at most 20 of them."""

    reason: Literal["exited", "timeout", "output", "memory", "tasks", "stopped"]
    processes: tuple[str, ...]
    at: str
    type: Literal["ended"] = "ended"


Part = Annotated[
    DiffPart | MoreFilesPart | DiagnosticsPart | ImagePart | FullTextPart | ExitPart | EndedPart,
    Field(discriminator="type"),
]

PARTS: TypeAdapter[tuple[Part, ...]] = TypeAdapter(tuple[Part, ...])
"""Parts from JSON, and to it with `json_of`."""


def large_images(parts: Sequence[Part]) -> list[ImagePart]:
    """Those that `json_of` leaves out, to be kept as blobs."""
    return [part for part in parts if isinstance(part, ImagePart) and part.is_large]


def json_of(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Parts as JSON, as far as they fit into `MAX_PARTS_BYTES`; an absent value is left out.

    Large images are not among them.
    """
    kept: list[dict[str, Any]] = []
    left = MAX_PARTS_BYTES
    for part in parts:
        if isinstance(part, ImagePart) and part.is_large:
            continue
        shown: list[dict[str, Any]] = PARTS.dump_python(
            (part,), mode="json", by_alias=True, exclude_none=True
        )
        size = len(json.dumps(shown))
        if size <= left:
            kept += shown
            left -= size
    return kept


@dataclass(frozen=True)
class ToolOutput:
    """What a tool call came to.

    The model reads `text`; an error says what failed, what is true now and what to try. `parts` are
    kept with the call, for people and later tools.
    """

    text: str
    is_error: bool = False
    parts: tuple[Part, ...] = ()
