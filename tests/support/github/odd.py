"""Twenty repositories, each odd in its own way, of files that a project can hold."""

from random import Random

from tests.support.github.repositories import LFS, File, odd_files

TEXT_LIMIT = 256_000  # the store keeps longer ones as blobs

_LINES = {
    "unix": b"one\ntwo\n",
    "windows": b"one\r\ntwo\r\n",
    "old-mac": b"one\rtwo\r",
    "mixed": b"one\r\ntwo\nthree\r",
    "none": b"no end",
    "blank": b"\n\n\r\n",
    "spaces": b"  \t \n",
}
_ENCODINGS = {
    "utf-8-mark": b"\xef\xbb\xbfx\n",
    "utf-16": "\ufeffж\n".encode("utf-16-le"),
    "utf-32": "x\n".encode("utf-32"),
    "latin-1": b"caf\xe9\n",
    "shift-jis": "日本".encode("shift-jis"),
    "half": b"\xe6\x97",
    "surrogate": b"\xed\xa0\x80",
    "overlong": b"\xc0\xaf",
    "beyond": b"\xf5\x80\x80\x80",
    "noncharacter": "\uffff\U0001fffe".encode(),
    "controls": bytes(range(1, 32)) + b"\x7f",
    "escape": b"\x1b[31mred\x1b[0m\n",
    "line-separator": "a\u2028b\u2029c\u0085".encode(),
}
_NAMES = (
    "日本語/文書.txt",
    "naïve/café.txt",
    "한국어.md",
    "ж/ё",
    "😀.txt",
    "ﬁ.txt",
    "Å.txt",
    "with space/a b.txt",
    'quo"te.txt',
    "it's",
    "-rf",
    "--help/-x",
    "$HOME/`id`",
    "a&b;c|d",
    "[x]*?.ts",
    "{a,b}!#%",
    "@/+~^=",
    "tab-less,comma",
)


def odd_repositories() -> dict[str, list[File]]:
    """Twenty of them, by name."""
    chance = Random(20)  # noqa: S311 - the same each time
    data = chance.randbytes(2_500_000)
    sizes = (0, 1, TEXT_LIMIT - 1, TEXT_LIMIT, TEXT_LIMIT + 1)
    deep = "/".join(f"d{level}" for level in range(60))
    return {
        "line-ends": [File(name.encode(), text) for name, text in _LINES.items()],
        "encodings": [File(name.encode(), text) for name, text in _ENCODINGS.items()],
        "empty-files": [File(name, b"") for name in (b"a", b"b/.gitkeep", b"c/d/e")],
        "one-file": [File(b"x", b"x")],
        "nuls": [
            File(b"one", b"\0"),
            File(b"text.txt", b"a\0b\n"),
            File(b"all", bytes(range(256))),
        ],
        "programs": [
            File(b"text.sh", b"#!/bin/sh\n", "100755"),
            File(b"bin/binary", bytes(range(256)), "100755"),
            File(b"bin/empty", b"", "100755"),
            File(b"bin/plain", b"#!/bin/sh\n"),
        ],
        "links": [
            File(b"a/file", b"x\n"),
            File(b"to-file", b"a/file", "120000"),
            File(b"to-folder", b"a", "120000"),
            File(b"a/up", b"../to-file", "120000"),
            File(b"nowhere", b"not/there", "120000"),
            File(b"itself", b"itself", "120000"),
            File(b"a/b/c/root", b"../../..", "120000"),
        ],
        "names": [File(name.encode(), name.encode()) for name in _NAMES],
        "long-names": [File(b"n" * 255, b"x"), File(("ж" * 127).encode(), b"y")],
        "deep": [File(f"{deep}/leaf".encode(), b"x\n"), File(b"d0/leaf", b"y\n")],
        "wide": [File(b"w/%03d.txt" % n, b"%d\n" % n) for n in range(250)],
        "order": [
            File(name, name)
            for name in (
                b"src/a",
                b"src.txt",
                b"src-b",
                b"src0",
                b"Src2/x",
                b"src_/y",
                b"s",
                b"z/s",
            )
        ],
        "same-contents": [File(b"%d/same" % n, b"the same\n") for n in range(20)],
        "attributes": [
            File(b".gitattributes", b"* text=auto eol=crlf ident\n*.bin filter=lfs -text\n"),
            File(b"sub/.gitattributes", b"* export-ignore working-tree-encoding=UTF-16\n"),
            File(b"id.txt", b"$Id$\nx\n"),
            File(b"crlf.txt", b"a\r\nb\r\n"),
            File(b"sub/x.bin", b"\0\1\2"),
        ],
        "ignored": [
            File(b".gitignore", b"*\n!.gitignore\nnode_modules/\n"),
            File(b"node_modules/x/index.js", b"x\n"),
            File(b"dist/out.js", b"y\n"),
            File(b".env", b"KEY=value\n"),
            File(b".github/workflows/ci.yml", b"on: push\n"),
        ],
        "large-file-storage": [File(b"a.psd", LFS), File(b"b.zip", LFS), File(b"c.txt", b"text\n")],
        "sizes": [File(b"t%d.txt" % size, b"x" * size) for size in sizes]
        + [File(b"b%d.bin" % size, data[:size]) for size in sizes],
        "large": [File(b"large.bin", data), File(b"large.txt", b"line of text\n" * 60_000)],
        "modules-file": [
            File(b".gitmodules", b'[submodule "x"]\n\tpath = x\n\turl = https://example.com/x\n'),
            File(b"x.txt", b"x\n"),
        ],
        "everything": odd_files(),
    }
