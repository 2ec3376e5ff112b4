"""Function results become records here, once, checked by pydantic."""

from functools import cache
from typing import Any, NewType, TypeVar

from pydantic import ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

T = TypeVar("T")

_WIRE = ConfigDict(alias_generator=to_camel)


@cache
def _adapter(record: Any) -> TypeAdapter[Any]:
    """Reads and writes a record, a plain dataclass, by the names of the wire."""
    # A dataclass itself would have to bring its own config.
    row: Any = NewType("row", record)  # pyright: ignore[reportGeneralTypeIssues] - known when called
    return TypeAdapter(row, config=_WIRE)


def decode(record: type[T], value: object) -> T:
    """`value`, a function's result, as a `record`.

    Raises:
        pydantic.ValidationError: the deployed functions do not fit this version of the client: a
        bug.
    """
    return _adapter(record).validate_python(value)


def encode(record: object) -> Any:
    """A record as JSON-able arguments: camelCase names, absent instead of null."""
    return _adapter(type(record)).dump_python(record, mode="json", by_alias=True, exclude_none=True)
