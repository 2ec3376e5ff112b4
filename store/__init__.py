"""What people see, kept in Convex: a typed asyncio client, one object per subject under `Store`."""

from store.deltas import DeltaBatcher, DeltaLimits, DeltaWriter
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
