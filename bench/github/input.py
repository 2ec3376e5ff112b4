"""The repository that is imported: 5,000 files of 90 MB, the same each time.

In number and sizes it is like a large front end: 4,700 texts, which compress as code does, and 300
pictures and fonts, which do not and have most of the bytes.
"""

from itertools import accumulate
from random import Random

from bench.figures import say
from tests.support.github import File, Repositories

TEXTS = 4_700
TEXT_BYTES = 34_000_000
BINARIES = 300
BINARY_BYTES = 56_000_000
FILES = TEXTS + BINARIES
SPREAD = 1.4  # of the logarithm of a size, as in repositories of this kind
LARGEST_SHARE = 12  # of the mean; a file of an import may have 25 MB
WORDS = 4_000
FOLDERS = 600


def make(repositories: Repositories, full_name: str) -> str:
    """Make the repository, packed as a server keeps it; the tree of its one commit."""
    chance = Random(5_000)  # noqa: S311 - the same each time
    files = [*_texts(chance), *_binaries(chance)]
    chance.shuffle(files)
    repositories.make(full_name)
    repositories.commit(full_name, files)
    repositories.git(full_name, "repack", "-a", "-d", "-q")
    packed = repositories.git(full_name, "count-objects", "-v").partition("size-pack: ")[2].split()
    total = sum(len(file.data) for file in files) / 1e6
    say(f"{len(files):,} files, {total:.0f} MB, packed {int(packed[0]) / 1e3:.0f} MB")
    return repositories.tree(full_name)


def _texts(chance: Random) -> list[File]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 11))) for _ in range(WORDS)]
    weights = list(accumulate(1 / rank for rank in range(1, WORDS + 1)))
    text = "\n".join(
        "  " * (number % 5) + " ".join(chance.choices(words, cum_weights=weights, k=8))
        for number in range(TEXT_BYTES // 40)
    ).encode()
    files: list[File] = []
    start = 0
    for number, size in enumerate(sizes(chance, TEXTS, TEXT_BYTES)):
        start = start if start + size <= len(text) else 0
        path = f"{_folder(chance)}/module{number}.tsx"
        mode = "100755" if number % 100 == 0 else "100644"
        files.append(File(path.encode(), text[start : start + size], mode))
        start += size
    return files


def _binaries(chance: Random) -> list[File]:
    return [
        File(f"{_folder(chance)}/asset{number}.png".encode(), chance.randbytes(size))
        for number, size in enumerate(sizes(chance, BINARIES, BINARY_BYTES))
    ]


def _folder(chance: Random) -> str:
    number = chance.randrange(FOLDERS)
    return f"packages/p{number % 12}/src/area{number % 60}/part{number}"


def sizes(chance: Random, count: int, total: int) -> list[int]:
    """Sizes of files as they are spread in repositories, which add up."""
    drawn = [min(chance.lognormvariate(0, SPREAD), LARGEST_SHARE) for _ in range(count)]
    share = total / sum(drawn)
    found = [max(1, int(each * share)) for each in drawn]
    found[0] += total - sum(found)
    return found
