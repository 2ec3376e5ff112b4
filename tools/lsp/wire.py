"""What servers answer, as models: only what is used of it, and nothing that does not fit."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from tools.lsp.errors import Nonsense

T = TypeVar("T")

MAX_ITEMS = 20_000  # of one answer; the rest is left out

Count = Annotated[int, Field(ge=0, le=2**31)]


class Wire(BaseModel):
    """An object of the protocol; fields that are not used here are left out."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, extra="ignore"
    )


class Position(Wire):
    """`line` counts from 0, `character` in UTF-16 units from 0."""

    line: Count
    character: Count


class Range(Wire):
    """From `start` up to, and without, `end`."""

    start: Position
    end: Position


class Location(Wire):
    """A range in a document."""

    uri: str
    range: Range


class LocationLink(Wire):
    """What some servers answer instead of a `Location`."""

    target_uri: str
    target_selection_range: Range

    @property
    def location(self) -> Location:
        """The same as a location."""
        return Location(uri=self.target_uri, range=self.target_selection_range)


class Finding(Wire):
    """A diagnostic; severity 1 is an error, 2 a warning, 3 information, 4 a hint."""

    range: Range
    message: str
    severity: int = 1
    code: int | str | None = None
    source: str | None = None


class Report(Wire):
    """The answer to textDocument/diagnostic."""

    kind: Literal["full"]
    items: tuple[Finding, ...] = ()


class Published(Wire):
    """What a server that is not asked says of a document."""

    uri: str
    version: int | None = None
    diagnostics: tuple[Finding, ...] = ()


class Symbol(Wire):
    """One answer to workspace/symbol."""

    name: str
    kind: int
    location: Location
    container_name: str | None = None


class DocumentSymbol(Wire):
    """One symbol of a document; its name stands at `selection_range`."""

    name: str
    kind: int
    selection_range: Range
    children: tuple["DocumentSymbol", ...] | None = None


class Highlight(Wire):
    """A place that reads (2) or writes (3) the symbol; 1: only named."""

    range: Range
    kind: int = 1


_FENCE = re.compile(r"^```[\w-]*\n|\n```$", re.MULTILINE)


class Marked(Wire):
    """A text in a language, of hover."""

    value: str


class Hover(Wire):
    """The answer to textDocument/hover."""

    contents: str | Marked | tuple[str | Marked, ...]

    @property
    def text(self) -> str:
        """All of it, without the fences around code."""
        parts = self.contents if isinstance(self.contents, tuple) else (self.contents,)
        text = "\n\n".join(part if isinstance(part, str) else part.value for part in parts)
        return _FENCE.sub("", text)


class TextEdit(Wire):
    """Replace a range."""

    range: Range
    new_text: str


class VersionedDocument(Wire):
    """A document in a `DocumentEdit`."""

    uri: str


class DocumentEdit(Wire):
    """Edits of one document. A file that is to be created or moved is none, and does not fit."""

    text_document: VersionedDocument
    edits: tuple[TextEdit, ...]


class WorkspaceEdit(Wire):
    """The answer to textDocument/rename."""

    changes: Mapping[str, tuple[TextEdit, ...]] | None = None
    document_changes: tuple[DocumentEdit, ...] | None = None

    @property
    def by_uri(self) -> dict[str, tuple[TextEdit, ...]]:
        """The edits of each document."""
        if self.document_changes is None:
            return dict(self.changes or {})
        found: dict[str, tuple[TextEdit, ...]] = {}
        for change in self.document_changes:
            uri = change.text_document.uri
            found[uri] = (*found.get(uri, ()), *change.edits)
        return found


class Capabilities(Wire):
    """What a server can do, as far as it matters here."""

    diagnostic_provider: Any = None


class Initialized(Wire):
    """The answer to initialize."""

    capabilities: Capabilities


class ConfigurationItem(Wire):
    """What a server asks of its settings."""

    section: str | None = None


class Configuration(Wire):
    """The request workspace/configuration."""

    items: Annotated[tuple[ConfigurationItem, ...], Field(max_length=1_000)] = ()


INITIALIZED = TypeAdapter(Initialized)
CONFIGURATION = TypeAdapter(Configuration)
PUBLISHED = TypeAdapter(Published)
REPORT = TypeAdapter(Report)
LOCATIONS: TypeAdapter[Location | tuple[Location | LocationLink, ...] | None] = TypeAdapter(
    Location | tuple[Location | LocationLink, ...] | None
)
SYMBOLS: TypeAdapter[tuple[Symbol, ...] | None] = TypeAdapter(tuple[Symbol, ...] | None)
DOCUMENT_SYMBOLS: TypeAdapter[tuple[DocumentSymbol, ...] | None] = TypeAdapter(
    tuple[DocumentSymbol, ...] | None
)
HIGHLIGHTS: TypeAdapter[tuple[Highlight, ...] | None] = TypeAdapter(tuple[Highlight, ...] | None)
HOVER: TypeAdapter[Hover | None] = TypeAdapter(Hover | None)
WORKSPACE_EDIT: TypeAdapter[WorkspaceEdit | None] = TypeAdapter(WorkspaceEdit | None)


def read(adapter: TypeAdapter[T], answer: object) -> T:
    """An answer as a model. Raises: Nonsense."""
    if isinstance(answer, list):
        answer = tuple(answer[:MAX_ITEMS])  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - whatever it holds is checked next
    try:
        return adapter.validate_python(answer)
    except ValidationError as invalid:
        raise Nonsense(f"its answer does not fit at {_where(invalid)}") from None


def locations(answer: object) -> list[Location]:
    """Those of an answer in any of the shapes that the protocol allows. Raises: Nonsense."""
    match read(LOCATIONS, answer):
        case None:
            return []
        case Location() as one:
            return [one]
        case several:
            return [one if isinstance(one, Location) else one.location for one in several]


def _where(invalid: ValidationError) -> str:
    first = invalid.errors(include_input=False, include_url=False)[0]
    return ".".join(str(step) for step in first["loc"]) or "its top"
