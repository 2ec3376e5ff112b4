"""The store of these tests, an embedded Convex with the product's functions."""

from tests.support.store import convex_url, owner, store

__all__ = ["convex_url", "owner", "store"]
