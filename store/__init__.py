"""What people see, kept in Convex: a typed asyncio client, one object per subject under `Store`."""

from store.delta_writer import DeltaWriter
from store.deltas import DeltaBatcher, DeltaLimits
from store.errors import (
    Busy,
    FileChanged,
    GenerationClosed,
    StoreDenied,
    StoreFault,
    StoreUnavailable,
)
from store.gateway import Store, StoreLimits

__all__ = [
    "Busy",
    "DeltaBatcher",
    "DeltaLimits",
    "DeltaWriter",
    "FileChanged",
    "GenerationClosed",
    "Store",
    "StoreDenied",
    "StoreFault",
    "StoreLimits",
    "StoreUnavailable",
]
