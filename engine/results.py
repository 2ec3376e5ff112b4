"""How a function's result is stored and read back: by its return annotation."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter


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
        return _adapter(annotation)
    except Exception as error:  # the reason matters, not the class
        name = getattr(target, "__qualname__", repr(target))
        raise TypeError(f"the return type of {name} cannot be stored: {error}") from error


@lru_cache(maxsize=1024)
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)
