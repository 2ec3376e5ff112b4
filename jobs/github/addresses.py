"""The addresses of repositories, in every form in which people paste them."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from jobs.github.problems import BadAddress

LIMIT_CHARS = 2_000

_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9_])?")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_SCP = re.compile(r"(?:[^@/\s:]+@)(?P<host>[^:/\s]+):(?P<path>[^\s]+)")
_SHORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+")
_SCHEMES = frozenset({"https", "http", "ssh", "git", "git+https", "git+ssh"})
_WITH_REF = frozenset({"tree", "blob", "raw", "blame", "commits", "edit"})
_EXAMPLE = "Paste its address, such as {server}/owner/repository."


@dataclass(frozen=True)
class Repository:
    """A repository, and what of it was named.

    `below` is what follows `/tree/`: a branch and a folder, of which only GitHub knows where one
    ends. `is_file`: the last of it is a file. `ref`: a commit, tag or pull request that was named.
    """

    owner: str
    name: str
    below: tuple[str, ...] = ()
    is_file: bool = False
    ref: str | None = None

    @property
    def full_name(self) -> str:
        """How GitHub calls it."""
        return f"{self.owner}/{self.name}"


def parse(text: str, *, server_url: str) -> Repository:
    """The repository of `server_url` (https://github.com) that the text names.

    A user or token in the address is dropped, as are query and fragment.

    Raises:
        BadAddress: it names none, or one of another server.
    """
    example = _EXAMPLE.format(server=server_url.rstrip("/"))
    given = text.strip().removeprefix("git clone ").removeprefix("gh repo clone ").strip("<> \t\"'")
    if not given or len(given) > LIMIT_CHARS or any(c.isspace() or ord(c) < 32 for c in given):  # noqa: PLR2004 - controls
        raise BadAddress(f"This is not the address of a repository. {example}")
    server = urlsplit(server_url)
    path = _path_of(given, server, example)
    names = [unquote(name) for name in path.split("/") if name]
    prefix = [name for name in server.path.split("/") if name]
    if names[: len(prefix)] == prefix:
        names = names[len(prefix) :]
    if len(names) < 2:  # noqa: PLR2004 - owner and name
        raise BadAddress(f"The address names no repository, only {'/'.join(names)!r}. {example}")
    owner, name, *rest = names
    name = name.removesuffix(".git")
    if not _OWNER.fullmatch(owner) or not _NAME.fullmatch(name) or name in {".", ".."}:
        raise BadAddress(f"{owner[:100]}/{name[:100]} cannot be a repository's name. {example}")
    return _with_rest(Repository(owner, name), rest)


def _path_of(given: str, server: SplitResult, example: str) -> str:
    """What follows the host, once that is known to be the server."""
    scp = _SCP.fullmatch(given)
    if scp is not None and "://" not in given:
        _check_host(scp["host"], None, server, example)
        return scp["path"].partition("?")[0].partition("#")[0]
    if _SHORT.fullmatch(given) and "." not in given.partition("/")[0]:
        return given
    url = given if "://" in given else f"https://{given}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadAddress(f"This is not the address of a repository. {example}") from None
    if parts.scheme.lower() not in _SCHEMES:
        raise BadAddress(f"{parts.scheme}: is not how repositories are reached. {example}")
    is_web = parts.scheme.lower() in {"https", "http"}
    _check_host(parts.hostname or "", port if is_web else None, server, example)
    if "\\" in url or "%2f" in parts.path.lower():
        raise BadAddress(f"This is not the address of a repository. {example}")
    return parts.path


def _check_host(host: str, port: int | None, server: SplitResult, example: str) -> None:
    wanted = (server.hostname or "").lower()
    if host.lower().rstrip(".") not in {wanted, f"www.{wanted}"}:
        raise BadAddress(f"{host[:100] or 'This'} is not {wanted}. {example}")
    if port not in {None, server.port, 443 if server.scheme == "https" else 80}:
        raise BadAddress(f"Port {port} is not that of {wanted}. {example}")


def _with_rest(repository: Repository, rest: list[str]) -> Repository:
    """What was named of the repository beside itself; pages such as /issues mean all of it."""
    owner, name = repository.owner, repository.name
    match rest:
        case [kind, *below] if kind in _WITH_REF and below:
            return Repository(owner, name, tuple(below), is_file=kind not in {"tree", "commits"})
        case ["commit", sha, *_]:
            return Repository(owner, name, ref=sha)
        case ["releases", "tag", *tag] if tag:
            return Repository(owner, name, ref="/".join(tag))
        case ["pull", number, *_] if number.isdecimal():
            return Repository(owner, name, ref=f"refs/pull/{number}/head")
        case _:
            return repository
