"""What imports from GitHub and exports to it work with, from the settings."""

from pathlib import Path

from app.identity.local_user import OWNER
from app.settings import Settings, own_environment
from core.clock import Clock
from jobs.github.accounts import GithubAccounts, GithubServer, ImportLimits, OneAccount
from jobs.github.commit_words import CommitWords
from jobs.github.git import PASSED_ON, GitPrograms
from jobs.github.histories import HistoryRoom
from jobs.github.signing import Signature
from jobs.github.work import GithubWork, remove_repositories
from llm.model import Model


def github_of(
    settings: Settings, folder: Path, clock: Clock, small_model: Model | None = None
) -> GithubWork:
    """What jobs between projects and GitHub have; their repositories lie in `folder`.

    Those of a worker that was killed go: what goes on fetches anew. `small_model` writes the
    messages of commits.
    """
    remove_repositories(folder)
    environment = own_environment()
    passed_on = {name: environment[name] for name in PASSED_ON if name in environment}
    server = github_server_of(settings)
    return GithubWork(
        server=server,
        accounts=accounts_of(settings),
        limits=ImportLimits(
            settings.import_files, settings.import_bytes, settings.import_file_bytes
        ),
        programs=GitPrograms(server, passed_on),
        folder=folder,
        clock=clock,
        signature=Signature(
            settings.commit_author, settings.commit_committer, settings.commit_co_authors
        ),
        words=CommitWords(small_model),
        room=HistoryRoom(settings.repositories_bytes, settings.workspaces_days),
    )


def github_server_of(settings: Settings) -> GithubServer:
    """GitHub, or the operator's own."""
    return GithubServer(settings.github_server_url, settings.github_api_url)


def accounts_of(settings: Settings) -> GithubAccounts:
    """Whose GitHub accounts are connected: the local user's, by a token in the settings."""
    secret = settings.github_token if settings.auth_issuer is None else None
    return OneAccount(OWNER, secret)
