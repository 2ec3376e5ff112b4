"""Bare repositories for tests, made by `git fast-import`; every odd file that git knows."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
}
LFS = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


@dataclass(frozen=True)
class File:
    """A file of a commit; of a submodule, `data` is the commit's name."""

    path: bytes
    data: bytes
    mode: str = "100644"


def odd_files() -> list[File]:
    """Files that a project can hold, each odd in its own way."""
    return [
        File(b"README.md", b"# Hello\n"),
        File(b"crlf.txt", b"one\r\ntwo\r\n"),
        File(b"bom.txt", b"\xef\xbb\xbfwith a mark\n"),
        File(b"no-newline.txt", b"no end"),
        File(b"empty", b""),
        File(b"latin1.txt", b"caf\xe9\n"),
        File(b"nul.bin", bytes(range(256)) * 5),
        File(b"large.txt", b"line of text\n" * 40_000),
        File(b"large.bin", bytes(range(256)) * 9_000),
        File(b"run.sh", b"#!/bin/sh\necho hi\n", "100755"),
        File(b"bin/tool", bytes(range(256)), "100755"),
        File(b"link", b"README.md", "120000"),
        File(b"src/deep/up", b"../../README.md", "120000"),
        File(b"folder-link", b"src", "120000"),
        File(b"dangling", b"not/there", "120000"),
        File("naïve/日本語.txt".encode(), "ж\n".encode()),
        File(b"with space/a file.txt", b"x\n"),
        File(b'quote".txt', b"q\n"),
        File(b"-rf", b"dash\n"),
        File(b"src/a.ts", b"export const a = 1;\n"),
        File(b"src.txt", b"between src and src/\n"),
        File(b".gitignore", b"node_modules\n"),
        File(b".gitattributes", b"*.txt text eol=crlf\n*.bin filter=lfs\n"),
        File(b"asset.psd", LFS),
        File(b"a/b/c/d/e/f/g/h", b"deep\n"),
    ]


@dataclass
class Repositories:
    """Bare repositories below a folder, by `owner/name`."""

    root: Path
    private: set[str] = field(default_factory=set[str])

    def path(self, full_name: str) -> Path:
        return self.root / f"{full_name}.git"

    def exists(self, full_name: str) -> bool:
        return (self.path(full_name) / "HEAD").exists()

    def make(self, full_name: str, *, branch: str = "main", private: bool = False) -> Path:
        """An empty one."""
        path = self.path(full_name)
        path.mkdir(parents=True)
        self.git(full_name, "init", "-q", "--bare", f"--initial-branch={branch}")
        self.git(full_name, "config", "uploadpack.allowAnySHA1InWant", "true")
        self.git(full_name, "config", "http.receivepack", "true")
        if private:
            self.private.add(full_name)
        return path

    def commit(
        self, full_name: str, files: list[File], *, branch: str = "main", message: str = "A commit"
    ) -> str:
        """A commit of exactly these files on the branch; its name."""
        old = self.head(full_name, branch)
        stream = [f"commit refs/heads/{branch}\n".encode()]
        stream += [b"committer Test <test@example.com> 1700000000 +0000\n"]
        stream += [f"data {len(message.encode())}\n{message}\n".encode()]
        stream += [f"from {old}\n".encode()] if old else []
        stream += [b"deleteall\n"]
        for file in files:
            quoted = b'"' + file.path.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
            if file.mode == "160000":
                stream += [b"M 160000 " + file.data + b" " + quoted + b"\n"]
            else:
                stream += [f"M {file.mode} inline ".encode() + quoted + b"\n"]
                stream += [f"data {len(file.data)}\n".encode() + file.data + b"\n"]
        self.git(full_name, "fast-import", "--quiet", data=b"".join(stream))
        return self.head(full_name, branch)

    def default_branch(self, full_name: str) -> str:
        return self.git(full_name, "symbolic-ref", "--short", "HEAD")

    def head(self, full_name: str, branch: str = "main") -> str:
        """The commit of a branch; "" where there is none."""
        try:
            return self.git(full_name, "rev-parse", "-q", "--verify", f"refs/heads/{branch}")
        except subprocess.CalledProcessError:
            return ""

    def tree(self, full_name: str, ref: str = "main") -> str:
        """The name of the tree of a commit."""
        return self.git(full_name, "rev-parse", f"{ref}^{{tree}}")

    def git(self, full_name: str, *arguments: str, data: bytes | None = None) -> str:
        done = subprocess.run(  # noqa: S603 - git on a repository of ours
            ["git", f"--git-dir={self.path(full_name)}", *arguments],  # noqa: S607
            input=data,
            capture_output=True,
            check=True,
            env=ENV,
        )
        return done.stdout.decode(errors="replace").strip()
