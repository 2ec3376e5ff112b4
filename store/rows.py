"""Function results become records here, once, checked by pydantic."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from typing import Any, NewType, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from core.invalid import wrong_places

T = TypeVar("T")
Row = Mapping[str, object]

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


async def readable(
    record: type[T], rows: Iterable[Row], set_aside: Callable[[Row, list[str]], Awaitable[None]]
) -> tuple[T, ...]:
    """The rows as records, without those that cannot be read: one bad row stops no other.

    `set_aside` gets such a row and the places in it that are wrong; it reports them, without what
    the row holds, and sees to it that the row is not in the way next time.
    """
    found: list[T] = []
    for row in rows:
        try:
            found.append(decode(record, row))
        except ValidationError as fault:
            await set_aside(row, wrong_places(fault))
    return tuple(found)


def encode(record: object) -> Any:
    """A record as JSON-able arguments: camelCase names, absent instead of null."""
    return _adapter(type(record)).dump_python(record, mode="json", by_alias=True, exclude_none=True)
