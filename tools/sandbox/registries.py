"""Which package registries programs may reach: those of the operator, or fewer for a project."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Registries:
    """What a project lets its programs reach of the registries that the operator allows.

    Args:
        only: `host:port` of each; None: all that the operator allows. Others than these are of no
            account.
    """

    only: frozenset[str] | None = None

    def among(self, allowed: Collection[str]) -> frozenset[str]:
        """Those of the operator's that may be reached, in small letters."""
        known = frozenset(name.lower() for name in allowed)
        return known if self.only is None else known & self.only


ALL = Registries()
"""As many as the operator allows."""
