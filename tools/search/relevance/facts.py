"""What the index knows of one file: its words by parts of 60 lines, what it defines and imports."""

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tools.search.relevance.words import count_words, words_of

VERSION = 1  # of what is kept: another one is read anew
CHUNK_LINES = 60
MAX_CHUNKS = 200  # of a file: what is beyond is not indexed
MAX_BYTES = 512 * 1024
MAX_LINE_CHARS = 1_000  # what is longer is data, not code
MAX_NAMES = 2_000

_PROGRAMS_ENDINGS = (
    ".ts .tsx .mts .cts .js .jsx .mjs .cjs .py .pyi .go .rs .java .kt .swift .c .h .cc "
    ".cpp .hpp .cs .rb .php .vue .svelte .scala .ex .exs .dart .lua .sql .sh "
)
PROGRAMS = frozenset(_PROGRAMS_ENDINGS.split())
_TEXTS_ENDINGS = (
    ".md .mdx .rst .txt .css .scss .less .html .htm .json .yaml .yml .toml .graphql .proto "
)
TEXTS = frozenset(_TEXTS_ENDINGS.split())

_TS_DEFINES = re.compile(
    r"\b(?:function\*?|class|interface|enum|type|namespace)\s+([A-Za-z_$][\w$]*)"
    r"|^(?:export\s+)?(?:default\s+)?(?:const|let|var)\s+([A-Za-z_$][\w$]*)"
    r"|^\s{2,8}(?:(?:public|private|protected|static|async|readonly|get|set)\s+)*"
    r"([A-Za-z_$][\w$]*)\s*(?:=\s*(?:async\s*)?\(|\([^;{}]{0,200}\)[^;{}\n]{0,80}\{)",
    re.MULTILINE,
)
_OTHER_DEFINES = re.compile(
    r"^[ \t]*(?:(?:pub(?:\([a-z]+\))?|public|private|protected|internal|static|final|abstract|"
    r"async|export|override|open|unsafe)\s+)*"
    r"(?:def|class|fn|func|fun|struct|enum|trait|interface|module|mod|type|protocol|object|record)"
    r"\s+(?:\([^)\n]{0,80}\)\s*)?([A-Za-z_]\w*)"
    r"|^([A-Za-z_]\w*)\s*(?::[^=\n]{1,80})?=[^=]",
    re.MULTILINE,
)
_HEADING = re.compile(r"^#{1,4}\s+(.+)$", re.MULTILINE)
_TS_IMPORTS = re.compile(
    r"""(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\(\s*)["']([^"'\n]{1,200})["']"""
)
_PY_IMPORTS = re.compile(
    r"^[ \t]*(?:from\s+([.\w]+)\s+import\s+(\([^)]{0,2000}\)|[^\n]+)|import\s+([^\n]+))",
    re.MULTILINE,
)
_OTHER_IMPORTS = re.compile(
    r"""^[ \t]*(?:pub\s+)?(?:import|use|mod|#include|require|@import)\s+(?:static\s+)?"""
    r"""["'<]?([\w./:@\-]{1,200})""",
    re.MULTILINE,
)
_SCRIPTS_ENDINGS = ".ts .tsx .mts .cts .js .jsx .mjs .cjs .vue .svelte "
_SCRIPTS = frozenset(_SCRIPTS_ENDINGS.split())


@dataclass(frozen=True)
class Facts:
    """Of one content, wherever it stands. `imports` are as they are written."""

    chunks: Sequence[Mapping[str, int]]
    defines: Mapping[str, int]
    names: Sequence[str]
    imports: Sequence[str]

    def dump(self) -> bytes:
        """For `load`."""
        kept = [self.chunks, self.defines, self.names, self.imports]
        return zlib.compress(json.dumps(kept, separators=(",", ":")).encode(), 1)

    @classmethod
    def load(cls, data: bytes) -> "Facts":
        """What `dump` made."""
        return cls(*json.loads(zlib.decompress(data)))


def suffix_of(path: str) -> str:
    """The ending of a name with its dot; "" where there is none."""
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :].lower() if "." in name else ""


def is_indexed(path: str) -> bool:
    """Whether files of that name hold words."""
    name = path.rpartition("/")[2]
    return suffix_of(path) in PROGRAMS | TEXTS and not name.endswith(
        (".min.js", ".lock", "-lock.json", "-lock.yaml")
    )


def facts_of(path: str, data: bytes) -> Facts:
    """Read a file; one that is not text has no words."""
    if b"\0" in data[:8192]:
        return Facts((), {}, (), ())
    text = data[:MAX_BYTES].decode("utf-8-sig", errors="replace")
    lines = [line for line in text.split("\n") if len(line) <= MAX_LINE_CHARS]
    text = "\n".join(lines)
    names = list(dict.fromkeys(_defined(path, text)))[:MAX_NAMES]
    chunks: list[Counter[str]] = []
    for start in range(0, len(lines), CHUNK_LINES):
        if len(chunks) == MAX_CHUNKS:
            break
        chunks.append(words_of("\n".join(lines[start : start + CHUNK_LINES])))
    return Facts(chunks, count_words(names), names, sorted(set(_imported(path, text)))[:500])


def _defined(path: str, text: str) -> Iterator[str]:
    suffix = suffix_of(path)
    if suffix in {".md", ".mdx"}:
        yield from _HEADING.findall(text)
    elif suffix in PROGRAMS:
        pattern = _TS_DEFINES if suffix in _SCRIPTS else _OTHER_DEFINES
        for found in pattern.finditer(text):
            yield next(filter(None, found.groups()))


def _imported(path: str, text: str) -> Iterator[str]:
    suffix = suffix_of(path)
    if suffix in _SCRIPTS:
        yield from _TS_IMPORTS.findall(text)
    elif suffix in {".py", ".pyi"}:
        for module, names, modules in _PY_IMPORTS.findall(text):
            if module:
                yield module
                inside = names.strip("()").split("#")[0]
                for name in re.findall(r"(\w+)(?:\s+as\s+\w+)?", inside):
                    yield f"{module}{'' if module.endswith('.') else '.'}{name}"
            else:
                for name in modules.split("#")[0].split(","):
                    yield name.split(" as ")[0].strip()
    elif suffix in PROGRAMS:
        yield from _OTHER_IMPORTS.findall(text)
