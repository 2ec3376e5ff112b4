"""How a function's result is stored and read back: by its return annotation."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from functools import lru_cache
from typing import Any, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError


def result_adapter(fn: Callable[..., Any]) -> TypeAdapter[Any]:
    """The adapter for what `fn` returns; any JSON where it has no annotation.

    Raises:
        TypeError: the annotation cannot be resolved or cannot be stored.
    """
    target: Any = fn
    while hasattr(target, "func"):  # functools.partial
        target = target.func
    target = getattr(target, "__func__", target)  # a bound method
    if not hasattr(target, "__code__"):
        target = type(target).__call__
    try:
        annotation: Any = get_type_hints(target).get("return", Any)
        if get_origin(annotation) in {Awaitable, Coroutine}:  # of a plain function that returns one
            annotation = get_args(annotation)[-1]
        return adapter_of(annotation)
    except Exception as error:  # the reason matters, not the class
        name = getattr(target, "__qualname__", repr(target))
        raise TypeError(f"the return type of {name} cannot be stored: {error}") from error


@lru_cache(maxsize=1024)
def adapter_of(annotation: Any) -> TypeAdapter[Any]:
    """How values of this type are stored and read back."""
    return TypeAdapter(annotation)


def as_stored(adapter: TypeAdapter[Any], value: Any, *, by_alias: bool) -> Any:
    """JSON of a value as its type writes it; plain data instead of models is held against it first.

    Raises:
        PydanticSerializationError: it is not of the type.
    """
    try:
        return adapter.dump_python(value, mode="json", by_alias=by_alias, warnings="error")
    except PydanticSerializationError:
        if not isinstance(value, (Mapping, list, tuple)):
            raise
        try:
            found = read_back(adapter, value)
        except ValidationError:
            found = None
        if found is None:
            raise
        return adapter.dump_python(found, mode="json", by_alias=by_alias, warnings="error")


def read_back(adapter: TypeAdapter[Any], stored: Any) -> Any:
    """A value of the type from JSON with the names of either side.

    Raises:
        ValidationError: it does not fit.
    """
    return adapter.validate_python(stored, by_alias=True, by_name=True)


@lru_cache(maxsize=1024)
def reads_its_aliases(adapter: TypeAdapter[Any]) -> bool:
    """Whether what is written by alias can be read: there are aliases for one direction only."""
    return not _writes_other_names(adapter.core_schema)


def _writes_other_names(schema: object) -> bool:
    if isinstance(schema, dict):
        parts = cast("dict[str, object]", schema)
        written = parts.get("serialization_alias")
        if isinstance(written, str) and parts.get("validation_alias") != written:
            return True
        inner: Iterable[object] = parts.values()
    elif isinstance(schema, (list, tuple)):
        inner = cast("Iterable[object]", schema)
    else:
        return False
    return any(map(_writes_other_names, inner))
