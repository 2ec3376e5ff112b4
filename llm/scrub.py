"""A provider's own words, made fit for logs and people: no keys, no bodies, one short line."""

import re
from collections.abc import Sequence

QUOTED_CHARS = 300  # enough to name the field that is wrong, too little for a payload

_READ_CHARS = 10_000  # of a text that may be a whole body
_HTML = re.compile(r"(?s)<(script|style|head)\b.*?</\1\s*>|<!--.*?-->|<[^>]{0,500}>")
_KEYS = re.compile(
    r"(?i)\bbearer\s+\S+"
    r"|\b(?:sk|pk|rk|csk|gsk|xai|nvapi|hf|tgp|key|ghp|gho|ghs|pat)[-_][\w*.\-]{6,}"
    r"|\bgithub_pat_\w+"
    r"|\bAIza[\w\-]{10,}"
    r"|\bAKIA[A-Z0-9]{12,}"
    r"|\beyJ[\w\-]{8,}\.[\w\-.]*"
    r"|//[^/\s:@]+:[^/\s@]+@"
)
_LONG = re.compile(r"[A-Za-z0-9+/=_\-]{32,}")  # keys of unknown kind, base64 of files
_OBJECT = re.compile(r"\{[^{}]{60,}\}|\[[^\[\]]{60,}\]")
_STRING = re.compile(r'"[^"]{60,}"' r"|'[^']{60,}'")
_SECRETS = re.compile(
    r"(?i)(?:(?<=\\[nrt])|\b)"  # in JSON a line ends in a letter
    r"(?:(?:bearer\s+|(?:sk|pk|rk|csk|gsk|xai|nvapi|hf|tgp|key|pat)[-_])(?=[\w.\-]*\d)[\w.\-]{16,}"
    r"|(?:ghp|gho|ghs|ghu|ghr|github_pat)_\w{16,}"
    r"|AIza[\w\-]{20,}"
    r"|AKIA[A-Z0-9]{12,}"
    r"|eyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]*)"
    r"|(?<=//)[^/\s:@\"]+:[^/\s@\"]+(?=@)"
)


def masked(text: str, secrets: Sequence[str] = ()) -> str:
    """The text with an asterisk for each character of what looks like a key, or is one of these.

    It is as long as before, and masked again it is the same.
    """
    for secret in secrets:
        text = text.replace(secret, "*" * len(secret))
    return _SECRETS.sub(lambda found: "*" * len(found[0]), text)


def quoted(text: str) -> str:
    """The text in at most 300 characters on one line, without what may be secret or long."""
    line = " ".join(_HTML.sub(" ", text[:_READ_CHARS]).split())
    line = _KEYS.sub("[key]", line)
    line = _LONG.sub(lambda found: "[…]" if _is_opaque(found[0]) else found[0], line)
    for _ in range(3):  # objects within objects
        line = _OBJECT.sub("{…}", line)
    line = _STRING.sub('"…"', line)
    return line if len(line) <= QUOTED_CHARS else line[:QUOTED_CHARS] + "…"


def _is_opaque(token: str) -> bool:
    """Random rather than written: digits and letters without the shape of words."""
    has_digit = any(character.isdigit() for character in token)
    has_letter = any(character.isalpha() for character in token)
    longest_word = max(map(len, re.split(r"[_\-/]", token)))
    return has_digit and has_letter and longest_word > 16  # noqa: PLR2004 - longer than any word
