"""Garbage collection: off while modules are imported."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def paused_collection() -> Generator[None]:
    """No garbage is looked for in the block, and what it has left is never looked at again.

    Importing makes hundreds of thousands of objects that stay. The collector goes through them over
    and over, which is a third of the time of a large import; and with them in its oldest generation
    each later full collection would stop the process for 100 ms.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
