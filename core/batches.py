"""Many things in portions, each bounded by how many they are and how large."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def in_batches(
    items: Iterable[T], *, most: int, full_at: int, size: Callable[[T], int]
) -> Iterator[list[T]]:
    """Lists of `most` items at most; one is closed as soon as its sizes come to `full_at`."""
    batch: list[T] = []
    total = 0
    for item in items:
        batch.append(item)
        total += size(item)
        if len(batch) >= most or total >= full_at:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
