"""Lists that come in pages."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page; `next_cursor` is None on the last one."""

    items: tuple[T, ...]
    next_cursor: str | None = None
