"""What `@job`, waits and sends are given, judged before anything runs: ValueErrors that say how."""

import inspect
from collections.abc import Iterable, Sequence
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo

from engine.duration import Duration, check_between
from engine.expressions import Expression

T = TypeVar("T")

MAX_NAME = 256  # Inngest's bound for the names of events
LONGEST_TIMEOUT = "52w"
MAX_ID = 1000  # ids of events and steps lengthen each other; PostgreSQL's indexes take 2.7 kB

_FIELDS = ("data", "user", "headers", "name", "id", "ts", "v")
_NESTED = ("data", "user", "headers")


def check_name(what: str, name: object, most: int = MAX_NAME) -> None:
    """Whether a text can be stored, found again, and read by people.

    Raises:
        ValueError: it cannot.
    """
    if not isinstance(name, str):
        raise ValueError(f"{what} is a text, not {name!r}")  # noqa: TRY004 - judged like the rest
    if not name.strip():
        raise ValueError(f"{what} is empty; give it one")
    if name != name.strip() or not name.isprintable():
        raise ValueError(f"{what} {name!r} has spaces around it, or characters that do not print")
    if len(name) > most:
        raise ValueError(f"{what} {name[:40]!r}… has {len(name)} characters; {most} are allowed")


def check_number(what: str, value: object) -> None:
    """Whether a limit lets anything through.

    Raises:
        ValueError: it does not, or it is no whole number.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{what} is a whole number from 1 on, not {value!r}")


def check_word(what: str, value: object, words: object) -> None:
    """Whether a word is one of those of a Literal.

    Raises:
        ValueError: it is not.
    """
    known = get_args(words)
    if value not in known:
        raise ValueError(f"{what} is {' or '.join(map(repr, known))}, not {value!r}")


def check_timeout(what: str, timeout: Duration | None) -> None:
    """Whether a time after which something ends is one; None is no timeout.

    Raises:
        ValueError: it is not.
    """
    if timeout is not None:
        check_between(what, timeout, "1ms", LONGEST_TIMEOUT)


def check_one_event(name: str) -> None:
    """Whether a name is that of one event, for those who look for no pattern.

    Raises:
        ValueError: it is not.
    """
    check_name("the name of an event", name)
    if name.endswith("*"):
        raise ValueError(f"{name!r} is a pattern, and only a trigger takes one; name one event")


def check_pattern(name: str) -> None:
    """Whether a name is that of an event, or of all that begin with it.

    Raises:
        ValueError: it is not.
    """
    check_name("the name of an event", name)
    if "*" in name[:-1]:
        raise ValueError(f"{name!r}: a wildcard stands at the end only, as in 'orders/*'")


def check_function(what: str, fn: object) -> None:
    """Whether something can be called with a context, once, to its end.

    Raises:
        ValueError: it cannot.
    """
    name = getattr(fn, "__qualname__", repr(fn))
    if not callable(fn) or isinstance(fn, type):
        raise ValueError(f"{what} is a function that takes one `ctx`, not {name}")  # noqa: TRY004 - judged like the rest
    if inspect.isasyncgenfunction(fn) or inspect.isgeneratorfunction(fn):
        raise ValueError(f"{name} yields; {what} is a function that returns: drop the `yield`")
    try:
        inspect.signature(fn).bind(None)
    except TypeError as error:
        raise ValueError(f"{name} must take exactly one argument, `ctx`: {error}") from error
    except ValueError:
        return  # written in C, it does not say


def listed(what: str, given: T | Sequence[T], kind: type[T]) -> tuple[T, ...]:
    """One thing, or several of its kind.

    Raises:
        ValueError: it is something else.
    """
    found: list[T] = []
    for thing in cast("Iterable[object]", given if isinstance(given, (list, tuple)) else [given]):
        if not isinstance(thing, kind):
            raise ValueError(f"{what} is {kind.__name__}(…), or a list of them, not {thing!r}")  # noqa: TRY004 - judged like the rest
        found.append(thing)
    return tuple(found)


def check_match(path: object, first: Sequence[type[BaseModel] | None], later: object) -> None:
    """Whether a path can hold one value in two events; models are None where they are not known.

    Raises:
        ValueError: it cannot, in any of the models of the first event or in that of the later one.
    """
    root, *rest = _parts(path)
    if root != "data":
        return
    problems = [_missing(model, rest) for model in first]
    if problems and None not in problems:
        raise ValueError(problems[0])
    if isinstance(later, type) and issubclass(later, BaseModel):
        problem = _missing(later, rest)
        if problem is not None:
            raise ValueError(problem)


def _parts(path: object) -> list[str]:
    """The names in a path that can hold one value in two events; ValueError for any other."""
    if not isinstance(path, str):
        raise ValueError(f"match is a path such as 'data.userId', not {path!r}")  # noqa: TRY004 - judged like the rest
    root, *rest = path.split(".")
    if root in {"event", "async"}:
        raise ValueError(f"match {path!r} is a path in both events: write {'.'.join(rest)!r}")
    if root not in _FIELDS or "" in rest or (rest and root not in _NESTED):
        raise ValueError(f"match {path!r} can never match: write a path such as 'data.userId'")
    if root == "id":
        raise ValueError("match 'id' can never match: no two events have one id")
    return [root, *rest]


def check_wait(event: object, *, match: str | None, when: str | None) -> str:
    """Whether a run can wait for an event in this way; the event's name.

    Raises:
        ValueError: it cannot.
    """
    name = getattr(event, "event_name", None) if isinstance(event, type) else event
    check_one_event(cast("str", name))
    if match is not None:
        check_match(match, [], event)
    if when is not None:
        Expression(when, later=True)
    return cast("str", name)


def _missing(model: type[BaseModel] | None, parts: Sequence[str]) -> str | None:
    """Why the data of a model have no such path; None where they have, or may have."""
    path = ".".join(("data", *parts))
    for part in parts:
        if model is None or _stores_freely(model):
            return None
        fields = {stored_name(name, field): field for name, field in model.model_fields.items()}
        computed = {
            each.alias or name: each.return_type
            for name, each in model.model_computed_fields.items()
        }
        if part in fields:
            annotation = fields[part].annotation
        elif part in computed:
            annotation = computed[part]
        else:
            known = ", ".join(sorted({**fields, **computed})) or "no fields"
            meant = model.model_fields.get(part)
            hint = "" if meant is None else f"; it is stored as {stored_name(part, meant)!r}"
            return f"match {path!r} can never match: {model.__name__} has {known}{hint}"
        model = _model_in(annotation)
    return None


def _stores_freely(model: type[BaseModel]) -> bool:
    """Whether data of a model may hold what its fields do not say."""
    decorators = model.__pydantic_decorators__
    is_open = model.model_config.get("extra") == "allow" or issubclass(model, RootModel)
    return is_open or bool(decorators.model_serializers)


def stored_name(name: str, field: FieldInfo) -> str:
    """The name of a field in what is stored of its model."""
    return field.serialization_alias or field.alias or name


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The one model that an annotation allows, beside None; None for anything else."""
    if get_origin(annotation) in {Union, UnionType}:
        others = [each for each in get_args(annotation) if each is not NoneType]
        return _model_in(others[0]) if len(others) == 1 else None
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None
