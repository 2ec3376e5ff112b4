"""Patterns of paths as editors mean them: `*.ts` anywhere, `src/**`, `{a,b}`, `[ab]`, lists.

A glob becomes a regular expression that takes linear time for every `*` and `**`: each part that is
fixed is matched where it first fits, and never tried again (atomic groups). It also becomes lines
of a .gitignore, by which ripgrep looks only at files that may match.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from core.errors import Refused
from tools.workspace.port import RelPath

MAX_GLOB_CHARS = 400
MAX_ALTERNATIVES = 50  # what braces and commas may come to

GlobText = Annotated[str, Field(min_length=1, max_length=MAX_GLOB_CHARS)]

_STAR = "*"
_ANY = "?"
_GLOBSTAR = ("**",)
_WILD = {_STAR, _ANY}

_Token = str  # `*`, `?`, `[…]` in the words of `re`, or `=` and one character
_Segment = tuple[_Token, ...]


class BadGlob(Refused):
    """The pattern of paths cannot be used."""

    code = "bad_glob"


@dataclass(frozen=True)
class Glob:
    """A pattern of paths; `rules` are lines of a .gitignore that leave at least what matches."""

    text: str
    rules: tuple[str, ...]
    _includes: re.Pattern[str] | None
    _excludes: re.Pattern[str] | None

    def matches(self, path: RelPath) -> bool:
        """Whether a file at that path is meant."""
        if self._includes is not None and self._includes.fullmatch(path) is None:
            return False
        return self._excludes is None or self._excludes.fullmatch(path) is None


def glob_of(text: str) -> Glob:
    """Read a pattern; several stand between commas, `!` excludes.

    Raises:
        BadGlob: it leaves the project, holds a control character or comes to too many patterns.
    """
    if any(character < " " for character in text):
        raise BadGlob(f"The pattern {text!r} holds a control character. Try one like '*.ts'.")
    chosen: dict[bool, list[Sequence[_Segment]]] = {True: [], False: []}
    for part in _alternatives(text):
        is_included = not part.startswith("!")
        segments = _segments(part.removeprefix("!").strip())
        if segments:
            chosen[is_included].append(segments)
    includes = chosen[True]
    rules = [rule for segments in includes for rule in _rules(segments)]
    return Glob(
        text,
        ("*", "!*/", *rules) if includes else (),
        _compiled(includes),
        _compiled(chosen[False]),
    )


def _compiled(patterns: Sequence[Sequence[_Segment]]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(_regex, patterns)), re.DOTALL) if patterns else None


def _alternatives(text: str) -> list[str]:
    """Without braces, and split at commas outside of them."""
    done: list[str] = []
    waiting = _split(text)
    while waiting:
        part = waiting.pop()
        opened = _brace(part)
        if opened is None:
            done.append(part)
        else:
            start, end = opened
            waiting += [
                part[:start] + one + part[end + 1 :] for one in _split(part[start + 1 : end])
            ]
        if len(done) + len(waiting) > MAX_ALTERNATIVES:
            raise BadGlob(
                f"The braces and commas of {text!r} come to more than {MAX_ALTERNATIVES} patterns. "
                "Ask with a simpler one."
            )
    return done[::-1]


def _plain(text: str) -> Iterator[tuple[int, str]]:
    """The characters that no backslash and no brackets take their meaning from."""
    at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        end = _end_of_class(text, at) if text[at] == "[" else None
        if end is not None:
            at = end
            continue
        yield at, text[at]
        at += 1


def _split(text: str) -> list[str]:
    parts, begin, depth = list[str](), 0, 0
    for at, character in _plain(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth <= 0:
            parts.append(text[begin:at])
            begin = at + 1
    return [*parts, text[begin:]]


def _brace(text: str) -> tuple[int, int] | None:
    """Where the first pair of braces stands."""
    opened: list[int] = []
    for at, character in _plain(text):
        if character == "{":
            opened.append(at)
        elif character == "}" and opened:
            start = opened.pop()
            if not opened:
                return start, at
    return None


def _segments(text: str) -> list[_Segment]:
    """What stands between the slashes, from the root on."""
    names = [name for name in text.removeprefix("./").split("/") if name not in {"", "."}]
    if ".." in names:
        raise BadGlob(f"The pattern {text!r} leaves the project. Begin it at the project's root.")
    if not names:
        return []
    segments = [_GLOBSTAR if name == "**" else tuple(_tokens(name)) for name in names]
    is_anywhere = "/" not in text.rstrip("/")
    if text.endswith("/"):
        segments.append(_GLOBSTAR)
    if is_anywhere:
        segments.insert(0, _GLOBSTAR)
    return [
        segment
        for at, segment in enumerate(segments)
        if segment != _GLOBSTAR or at == 0 or segments[at - 1] != _GLOBSTAR
    ]


def _tokens(name: str) -> Iterator[_Token]:
    at = 0
    while at < len(name):
        character = name[at]
        end = _end_of_class(name, at) if character == "[" else None
        if end is not None:
            yield _class(name[at + 1 : end - 1])
            at = end
            continue
        if character == "\\" and at + 1 < len(name):
            at += 1
            yield f"={name[at]}"
        elif character in _WILD:
            yield character
        else:
            yield f"={character}"
        at += 1


def _end_of_class(text: str, start: int) -> int | None:
    """Behind the `]` that belongs to a `[`; a `]` that comes first is one of the class."""
    at = start + 1
    if text[at : at + 1] in {"!", "^"}:
        at += 1
    end = text.find("]", at + 1)
    return None if end < 0 or "/" in text[start:end] else end + 1


def _class(inside: str) -> _Token:
    negated = inside[:1] in {"!", "^"}
    body = inside[1:] if negated else inside
    ranges: list[str] = []
    at = 0
    while at < len(body):
        first = body[at]
        if body[at + 1 : at + 2] == "-" and at + 2 < len(body):
            last = body[at + 2]
            if first <= last:
                ranges.append(f"{re.escape(first)}-{re.escape(last)}")
            at += 3
        else:
            ranges.append(re.escape(first))
            at += 1
    if negated:
        return f"[^/{''.join(ranges)}]"
    return f"[{''.join(ranges)}]" if ranges else "[^\\s\\S]"


def _regex(segments: Sequence[_Segment]) -> str:
    """Of a whole path. Between two `**` stand whole names: the first place that fits is best."""
    groups: list[list[str]] = [[]]
    for segment in segments:
        if segment == _GLOBSTAR:
            groups.append([])
        else:
            groups[-1].append(_regex_of_name(segment))
    first, *between = groups
    if not between:
        return "/".join(first) + _below(segments)
    last = between.pop()
    start = "".join(f"{name}/" for name in first)
    middle = "".join(
        f"(?>(?:[^/]+/)*?{''.join(f'{name}/' for name in group)})" for group in between
    )
    end = f"(?:[^/]+/)*{'/'.join(last)}{_below(segments)}" if last else ".+"
    return start + middle + end


def _below(segments: Sequence[_Segment]) -> str:
    """A folder that is named without wildcards stands for all that is in it."""
    return "(?:/.*)?" if _is_name(segments[-1]) else ""


def _is_name(segment: _Segment) -> bool:
    return all(token.startswith("=") for token in segment)


def _regex_of_name(segment: _Segment) -> str:
    pieces: list[str] = [""]
    for token in segment:
        if token == _STAR:
            pieces.append("")
        elif token == _ANY:
            pieces[-1] += "[^/]"
        else:
            pieces[-1] += re.escape(token[1:]) if token.startswith("=") else token
    first, *rest = pieces
    if not rest:
        return first
    last = rest.pop()
    return first + "".join(f"(?>[^/]*?{piece})" for piece in rest if piece) + "[^/]*" + last


def _rules(segments: Sequence[_Segment]) -> Iterator[str]:
    pattern = "/".join(
        "**"
        if segment == _GLOBSTAR
        else re.sub(r"\*+", _STAR, "".join(map(_in_gitignore, segment)))
        for segment in segments
    )
    yield f"!/{pattern}"
    if _is_name(segments[-1]):
        yield f"!/{pattern}/**"


def _in_gitignore(token: _Token) -> str:
    """Never less than is meant: a `?` there is one byte, and a letter may stand decomposed."""
    character = token.removeprefix("=")
    is_itself = character.isascii() and (character.isalnum() or character in "-_.@+")
    return character if is_itself else _STAR
