"""What imports from GitHub and exports to it work with, from the settings."""

from pathlib import Path

from app.identity.local_user import OWNER
from app.services.connecting import Connecting
from app.services.sealing import sealing_of
from app.settings import Settings, own_environment
from core.clock import Clock
from jobs.github.accounts import GithubAccounts, GithubServer, ImportLimits, OneAccount
from jobs.github.clerk import ClerkAccounts
from jobs.github.commit_words import CommitWords
from jobs.github.connected import ConnectedAccounts
from jobs.github.git import PASSED_ON, GitPrograms
from jobs.github.histories import HistoryRoom
from jobs.github.login import GithubApp, GithubLogin
from jobs.github.signing import Signature
from jobs.github.work import GithubWork, remove_repositories
from llm.model import Model
from store.gateway import Store


def github_of(
    settings: Settings,
    folder: Path,
    store: Store,
    clock: Clock,
    small_model: Model | None = None,
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
        accounts=accounts_of(settings, store, clock),
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


def accounts_of(settings: Settings, store: Store, clock: Clock) -> GithubAccounts:
    """Whose GitHub accounts are connected, and where.

    The local user's token of the settings goes before all else. Accounts at Clerk, or of the
    operator's own app, are people's own.
    """
    if settings.auth_issuer is None and settings.github_token is not None:
        return OneAccount(OWNER, settings.github_token)
    if settings.clerk_secret_key is not None:
        return ClerkAccounts(settings.clerk_api_url, settings.clerk_secret_key)
    app, sealing = app_of(settings), sealing_of(settings)
    if app is None or sealing is None:
        return OneAccount(OWNER, None)
    login = GithubLogin(app, github_server_of(settings), clock)
    return ConnectedAccounts(store, sealing, login, clock)


def has_github(settings: Settings) -> bool:
    """Whether somebody here can have an account at GitHub."""
    one = settings.auth_issuer is None and settings.github_token is not None
    return one or settings.clerk_secret_key is not None or app_of(settings) is not None


def app_of(settings: Settings) -> GithubApp | None:
    """The operator's app at GitHub."""
    if settings.github_app_client_id is None:
        return None
    return GithubApp(
        settings.github_app_client_id,
        settings.github_app_client_secret,
        tuple(filter(None, settings.github_app_scopes.split(","))),
        settings.github_app_callback_url,
    )


def connecting_of(settings: Settings, accounts: GithubAccounts, clock: Clock) -> Connecting:
    """How people connect accounts."""
    if isinstance(accounts, ConnectedAccounts):
        why_not, connected = "", accounts
    else:
        connected = None
        if isinstance(accounts, ClerkAccounts):
            why_not = "people connect them at the identity provider, in their account there."
        elif isinstance(accounts, OneAccount) and accounts.secret is not None:
            why_not = "the account is that of GITHUB_TOKEN, a setting."
        else:
            why_not = "whoever runs this server has to set GITHUB_APP_CLIENT_ID."
    return Connecting(
        connected, why_not, github_server_of(settings), clock, frozenset(settings.cors_origins)
    )
