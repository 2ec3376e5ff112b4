"""What goes wrong between a project and a repository, in words for the person who asked."""

from datetime import datetime

from core.errors import Conflict, NotFound, Refused, Transient


class BadAddress(Refused):
    """The text names no repository of the configured GitHub."""

    code = "bad_repository_address"
    field = "url"


class NotConnected(Refused):
    """There is no token of the person; interfaces look for the first words."""

    code = "github_not_connected"

    def __init__(self) -> None:
        super().__init__("GitHub not connected. Please reconnect your GitHub account.")


class RepositoryNotFound(NotFound):
    """It does not exist, or the token may not see it: GitHub does not say which."""

    code = "repository_not_found"

    def __init__(self, name: str, *, has_token: bool) -> None:
        hint = (
            "It may be private, and the connected account may not see it."
            if has_token
            else "If it is private: GitHub not connected. Connect a GitHub account first."
        )
        super().__init__(f"The repository {name} was not found on GitHub. {hint}")


class NoSuchBranch(NotFound):
    """The repository has no such branch, tag or commit."""

    code = "no_such_branch"

    def __init__(self, name: str, ref: str) -> None:
        super().__init__(f"The repository {name} has no branch, tag or commit {ref!r}")


class NoSuchFolder(NotFound):
    """The commit has no such folder."""

    code = "no_such_folder"

    def __init__(self, folder: str) -> None:
        super().__init__(f"There is no folder {folder!r} in this repository")


class NoAccess(Refused):
    """GitHub refuses it to this account; `said` is what it says to that."""

    code = "no_access"

    def __init__(self, name: str, doing: str, said: str = "") -> None:
        hint = "Its token may lack a permission (repo, or Contents and Administration)."
        if "saml enforcement" in said.lower():
            hint = (
                "Its organization wants single sign-on: authorize the token for the organization "
                "in GitHub's settings (Configure SSO)."
            )
        elif "access restrictions" in said.lower():
            hint = "Its organization lets this application in only when one of its owners approves."
        super().__init__(f"The connected GitHub account may not {doing} {name}. {hint}")


class ScopeMissing(NoAccess):
    """A push is refused for want of one scope."""

    def __init__(self, name: str, scope: str) -> None:
        Refused.__init__(
            self,
            f"GitHub refuses the push to {name}: the connected account has not granted {scope!r}, "
            "which files in .github/workflows need. Disconnect, then connect again and grant it; "
            "a GitHub App needs the permission Workflows, a personal token the scope.",
        )


class TokenRefused(Refused):
    """GitHub does not accept the token: it was revoked, or has expired."""

    code = "github_unauthorized"

    def __init__(self) -> None:
        super().__init__(
            "GitHub not connected: GitHub does not accept the token, which was revoked or has "
            "expired. Please reconnect your GitHub account."
        )


class TokenUnreadable(TokenRefused):
    """The keys of this server do not open what is kept of the account."""

    def __init__(self) -> None:
        Refused.__init__(
            self,
            "GitHub not connected: what is kept of your account cannot be read with the keys of "
            "this server. Please reconnect your GitHub account.",
        )


_LOGIN_WORDS = {
    "access_denied": "The access was not allowed on GitHub. Connect again to decide anew.",
    "bad_verification_code": "GitHub does not take this code: it was used already, or is older "
    "than ten minutes. Connect again.",
    "expired_token": "The code was not entered in time. Connect again.",
    "incorrect_device_code": "GitHub does not know this login. Connect again.",
    "token_expired": "The code was not entered in time. Connect again.",
    "unverified_user_email": "GitHub wants your primary email address to be verified first; do "
    "that in GitHub's settings, then connect again.",
}


class LoginRefused(Refused):
    """GitHub, or the person there, has refused to connect an account. `word` is GitHub's own."""

    code = "github_login_refused"

    def __init__(self, word: str) -> None:
        super().__init__(_LOGIN_WORDS.get(word, "GitHub refuses the login. Connect again."))
        self.word = word


class LoginNotSetUp(Refused):
    """Accounts cannot be connected here, or not in this way."""

    code = "github_login_not_set_up"

    def __init__(self, why: str) -> None:
        super().__init__(f"GitHub accounts cannot be connected here: {why}")


class EmptyRepository(Refused):
    """There is no commit in it."""

    code = "empty_repository"

    def __init__(self, name: str) -> None:
        super().__init__(f"The repository {name} is empty: there is no commit to import yet")


class LimitedUntil(Refused):
    """GitHub takes no more requests for longer than a job waits."""

    code = "rate_limited"

    def __init__(self, until: datetime) -> None:
        super().__init__(
            f"GitHub takes no more requests of this account until {until:%Y-%m-%d %H:%M} UTC. "
            "Try again then."
        )


class NameTaken(Conflict):
    """There is a repository of this name, with commits in it."""

    code = "repository_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is a repository {name} already. Choose another name, or export to its address."
        )


class NoSuchRepository(NotFound):
    """It does not exist, and was not to be made."""

    code = "repository_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Repository {name} does not exist. Set createIfNotExists to true to create it."
        )


class NoRepository(Refused):
    """The project has nothing in common with a repository yet."""

    code = "no_repository"

    def __init__(self) -> None:
        super().__init__(
            "This project has no repository yet: import it from one, or export it to one, first"
        )


class HistoryRewritten(Conflict):
    """The commit of the last sync is no more in the repository."""

    code = "history_rewritten"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The history of {name} was rewritten: the commit of the last sync is gone. Pull first."
        )


class BranchTaken(Conflict):
    """The branch has commits that did not come from this project."""

    code = "branch_taken"

    def __init__(self, name: str, branch: str) -> None:
        super().__init__(
            f"The branch {branch} of {name} has commits that did not come from this project. "
            "Nothing was overwritten. Name another branch, or merge that one and pull."
        )


class NothingToPropose(Refused):
    """The project is what the repository has."""

    code = "nothing_to_propose"

    def __init__(self, name: str) -> None:
        super().__init__(f"The project has no changes since its last sync with {name}")


class NothingToExport(Refused):
    """The project has no files."""

    code = "nothing_to_export"

    def __init__(self) -> None:
        super().__init__("No files to export: the project is empty")


class RemoteMoved(Conflict):
    """Somebody else has pushed meanwhile, again and again; nothing of theirs is overwritten."""

    code = "remote_moved"

    def __init__(self, name: str, branch: str) -> None:
        super().__init__(
            f"Others push to {branch} of {name} at the same time. Nothing was overwritten; "
            "try again in a moment."
        )


class PushRefused(Refused):
    """GitHub has rejected the push by a rule of the repository."""

    code = "push_refused"


class RefusedByGithub(Refused):
    """GitHub says that the request is wrong; the text is its own."""

    code = "refused_by_github"


class RepositoryBlocked(RefusedByGithub):
    """GitHub lets nobody at it, by law or by its own terms."""

    def __init__(self, name: str, reason: str) -> None:
        why = f" ({reason[:100]})" if reason else ""
        super().__init__(f"GitHub has blocked the repository {name}{why}: nobody can reach it")


class GithubAway(Transient):
    """GitHub does not answer, or has a fault of its own."""

    code = "github_unavailable"


class GitMissing(Exception):
    """The program `git` is not on this machine."""

    code = "git_missing"

    def __init__(self) -> None:
        super().__init__("git is not installed on this machine; imports and exports need it")


class LimitReached(Exception):
    """GitHub takes no more requests of this account before `until`."""

    code = "rate_limited"

    def __init__(self, until: datetime) -> None:
        super().__init__(f"no more requests before {until}")
        self.until = until
