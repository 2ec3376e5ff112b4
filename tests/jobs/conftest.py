"""The store of the jobs' tests: an embedded Convex with the product's functions."""

from tests.store.conftest import convex_url, owner, store

__all__ = ["convex_url", "owner", "store"]
