"""Function results become records here, once, checked by pydantic."""

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(record: Any) -> TypeAdapter[Any]:
    return TypeAdapter(record)


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
