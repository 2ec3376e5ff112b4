"""The store of the jobs' tests, an embedded Convex with the product's functions; a PostgreSQL."""

from tests.support.databases import postgres, postgres_server
from tests.support.store import convex_url, owner, store

__all__ = ["convex_url", "owner", "postgres", "postgres_server", "store"]
