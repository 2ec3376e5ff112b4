"""A GitHub of our own for tests: part of its REST API and git over HTTP, on bare repositories."""

from tests.support.github.repositories import File, Repositories, odd_files
from tests.support.github.server import GithubStandIn, github_stand_in

__all__ = ["File", "GithubStandIn", "Repositories", "github_stand_in", "odd_files"]
