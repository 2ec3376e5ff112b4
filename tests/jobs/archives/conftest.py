"""The same place as that of imports from GitHub."""

from tests.jobs.github.conftest import github, site

__all__ = ["github", "site"]
