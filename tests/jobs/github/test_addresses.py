"""Every form of address that people paste, and those that only look like one."""

import pytest

from jobs.github.addresses import Repository, parse
from jobs.github.problems import BadAddress

GITHUB = "https://github.com"
PLAIN = Repository("octo", "hello")

SAME = [
    "https://github.com/octo/hello",
    "https://github.com/octo/hello/",
    "https://github.com/octo/hello.git",
    "https://github.com/octo/hello.git/",
    "http://github.com/octo/hello",
    "https://www.github.com/octo/hello",
    "HTTPS://GitHub.com/octo/hello",
    "https://github.com:443/octo/hello",
    "https://github.com./octo/hello",
    "github.com/octo/hello",
    "www.github.com/octo/hello.git",
    "octo/hello",
    "  https://github.com/octo/hello\n",
    "<https://github.com/octo/hello>",
    "git clone https://github.com/octo/hello.git",
    "gh repo clone octo/hello",
    "git@github.com:octo/hello.git",
    "git@github.com:octo/hello",
    "ssh://git@github.com/octo/hello.git",
    "ssh://git@github.com:22/octo/hello.git",
    "git://github.com/octo/hello.git",
    "git+https://github.com/octo/hello.git",
    "git+ssh://git@github.com/octo/hello.git",
    "https://github.com/octo/hello?tab=readme-ov-file",
    "https://github.com/octo/hello?tab=readme-ov-file#usage",
    "https://github.com/octo/hello#readme",
    "https://github.com/octo/hello/issues/7",
    "https://github.com/octo/hello/actions?query=x",
    "https://github.com/octo/hello/tree",
    "https://someone@github.com/octo/hello.git",
    "https://x-access-token:ghp_secretsecretsecret@github.com/octo/hello.git",
]


@pytest.mark.parametrize("text", SAME)
def test_every_form_names_the_repository(text: str) -> None:
    assert parse(text, server_url=GITHUB) == PLAIN


PARTS = [
    ("https://github.com/a-b/c.d_e-f", Repository("a-b", "c.d_e-f")),
    ("https://github.com/octo/hello.git.io", Repository("octo", "hello.git.io")),
    ("https://github.com/octo/.github", Repository("octo", ".github")),
    ("https://github.com/me_corp/x", Repository("me_corp", "x")),
    ("https://github.com/octo/hello/tree/main", Repository("octo", "hello", ("main",))),
    (
        "https://github.com/octo/hello/tree/fix/a/src/app?x=1",
        Repository("octo", "hello", ("fix", "a", "src", "app")),
    ),
    (
        "https://github.com/octo/hello/tree/main/with%20space",
        Repository("octo", "hello", ("main", "with space")),
    ),
    (
        "https://github.com/octo/hello/blob/main/src/a.ts#L3",
        Repository("octo", "hello", ("main", "src", "a.ts"), is_file=True),
    ),
    ("https://github.com/octo/hello/commit/abc1234", Repository("octo", "hello", ref="abc1234")),
    (
        "https://github.com/octo/hello/releases/tag/v1.0",
        Repository("octo", "hello", ref="v1.0"),
    ),
    (
        "https://github.com/octo/hello/pull/12/files",
        Repository("octo", "hello", ref="refs/pull/12/head"),
    ),
]


@pytest.mark.parametrize(("text", "parsed"), PARTS, ids=lambda part: str(part)[:60])
def test_what_is_named_of_it_is_kept(text: str, parsed: Repository) -> None:
    assert parse(text, server_url=GITHUB) == parsed


REFUSED = [
    "",
    "   ",
    "hello",
    "not a url at all",
    "https://github.com",
    "https://github.com/octo",
    "https://gitlab.com/octo/hello",
    "https://evil.com/github.com/octo/hello",
    "evil.com/github.com/octo/hello",
    "https://github.com.evil.com/octo/hello",
    "https://evil-github.com/octo/hello",
    "https://githubbcom/octo/hello",
    "https://github.com@evil.com/octo/hello",
    "https://evil.com#github.com/octo/hello",
    "https://evil.com\\@github.com/octo/hello",
    "https://github.com:8443/octo/hello",
    "https://gіthub.com/octo/hello",  # noqa: RUF001 - a Cyrillic letter
    "https://gist.github.com/octo/abc",
    "https://api.github.com/repos/octo/hello",
    "git@gitlab.com:octo/hello.git",
    "git@github.com.evil.com:octo/hello.git",
    "file:///etc/passwd",
    "ext::sh -c id",
    "javascript:alert(1)",
    "ftp://github.com/octo/hello",
    "https://github.com/octo/..",
    "https://github.com/../hello",
    "https://github.com/octo/%2e%2e%2fhello",
    "https://github.com/octo/he llo",
    "https://github.com/oc to/hello",
    "https://github.com/octo/hel\0lo",
    "https://github.com/-octo/hello",
    "https://github.com/octo/--upload-pack=x;id",
    "https://github.com/octo/" + "h" * 101,
    "https://github.com/octo/hello" + "/x" * 2_000,
    "https://[::1/octo/hello",
    "https://github.com:x/octo/hello",
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:50] or "nothing")
def test_what_only_looks_like_one_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadAddress) as refused:
        parse(text, server_url=GITHUB)
    assert "https://github.com/owner/repository" in str(refused.value)


def test_an_enterprise_has_its_own_host_and_port() -> None:
    server = "https://git.corp.example:8443"
    for text in ("https://git.corp.example:8443/a/b", "git@git.corp.example:a/b.git", "a/b"):
        assert parse(text, server_url=server) == Repository("a", "b")
    with pytest.raises(BadAddress, match=r"github\.com is not git\.corp\.example"):
        parse("https://github.com/a/b", server_url=server)


def test_no_part_of_a_token_in_the_address_is_repeated() -> None:
    for text in ("https://ghp_secret:x@gitlab.com/a/b", "https://u:ghp_secret@github.com/a"):
        with pytest.raises(BadAddress) as refused:
            parse(text, server_url=GITHUB)
        assert "ghp_secret" not in str(refused.value)
