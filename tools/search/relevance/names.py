"""What a path says of its file: the words of its own name, whether it tests, and what."""

from tools.search.relevance.words import count_words

_OF_ITS_FOLDER = frozenset({"__init__", "index", "mod"})
_TEST_FOLDERS = frozenset({"test", "tests", "__tests__", "spec", "specs", "testing"})
_TESTING = frozenset({"test", "spec"})


def name_of(path: str) -> str:
    """A file's name without endings; that of its folder, where the file stands for it."""
    *folders, name = path.split("/")
    bare = name.split(".")[0]
    return folders[-1] if bare in _OF_ITS_FOLDER and folders else bare


def own_words(path: str) -> frozenset[str]:
    """The stems of its name, each part and all of it, but for those that only say that it tests."""
    return frozenset(count_words([name_of(path)])) - _TESTING


def is_test(path: str) -> bool:
    """Whether it holds tests, as far as its path says."""
    *folders, name = path.lower().split("/")
    parts = name.split(".")
    return (
        not _TEST_FOLDERS.isdisjoint(folders)
        or not _TESTING.isdisjoint(parts[1:])
        or parts[0].startswith("test_")
        or parts[0].endswith("_test")
    )


def subject_of(path: str) -> str:
    """What a file is about: the same for a program and for its tests."""
    name = name_of(path).lower().removeprefix("test_").removesuffix("_test").removesuffix("_spec")
    return name.replace("_", "").replace("-", "")
