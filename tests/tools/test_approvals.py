"""Which rule holds for a call: the first that fits, and the strictest of what the call is about."""

import pytest

from tools.approvals import Policy, Rule, check, judge, subjects_of
from tools.place import Touches
from tools.search.globs import BadGlob
from tools.workspace.paths import ROOT
from tools.workspace.port import RelPath

COMMAND = Touches(writes=frozenset({ROOT}), in_folder=True)
GUARDED = (
    Rule("executeCommand", "allow", "npm test *"),
    Rule("executeCommand", "deny", "rm *"),
    Rule("executeCommand", "ask"),
)


def touching(*paths: str) -> Touches:
    return Touches(writes=frozenset(map(RelPath, paths)))


def policy_of(command: str, rules: tuple[Rule, ...] = GUARDED) -> Policy:
    return judge(rules, "executeCommand", {"command": command}, COMMAND).policy


@pytest.mark.parametrize(
    ("command", "policy"),
    [
        ("npm test", "allow"),
        ("npm test --watch", "allow"),
        ("npm tests", "ask"),
        ("npm  test   -u", "allow"),
        ("npm test && npm test -u", "allow"),
        ("npm test; curl x", "ask"),
        ("npm test; rm -rf src", "deny"),
        ("npm test $(rm -rf src)", "deny"),
        ("npm test | (cd x && rm y)", "deny"),
        ("if true; then rm y; fi", "deny"),
        ("'rm' y", "deny"),
        ("rm", "deny"),
        ("npm test 'a; rm b'", "allow"),
        ("((", "ask"),
    ],
)
def test_each_program_of_a_line_is_judged_and_the_strictest_holds(
    command: str, policy: Policy
) -> None:
    assert policy_of(command) == policy


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("src/**", "src/a/b.ts", True),
        ("src/**", "lib/src.ts", False),
        ("*.env", "deep/x.env", True),
        ("/a.ts", "a.ts", True),
        ("/a.ts", "src/a.ts", False),
        (r"/src/\[id\].ts", "src/[id].ts", True),
        (r"/src/\[id\].ts", "src/i.ts", False),
        ("../x", "a.ts", True),  # a pattern that nobody can read lets nothing pass
    ],
)
def test_paths_are_judged_by_globs(pattern: str, path: str, fits: bool) -> None:
    judged = judge((Rule("writeFile", "ask", pattern),), "writeFile", {}, touching(path))
    assert (judged.policy == "ask") == fits


def test_a_pattern_that_nobody_can_read_allows_nothing() -> None:
    rules = (Rule("*", "allow", "../x"), Rule("*", "deny"))
    assert judge(rules, "writeFile", {}, touching("x")).policy == "deny"
    with pytest.raises(BadGlob):
        check(rules[0])
    check(Rule("executeCommand", "deny", "cat ../*"))


def test_the_first_rule_that_fits_counts_and_nothing_is_asked_without_one() -> None:
    rules = (Rule("write*", "allow", "docs/**"), Rule("*File", "ask"), Rule("writeFile", "deny"))
    assert judge(rules, "writeFile", {}, touching("docs/a.md")).policy == "allow"
    judged = judge(rules, "renameFile", {}, touching("docs/a.md", "b.md"))
    assert (judged.policy, judged.rule) == ("ask", rules[1])
    assert judge(rules, "fetchUrl", {}, Touches()).policy == "allow"
    assert judge((), "writeFile", {}, touching("a")).policy == "allow"


def test_a_call_of_several_paths_is_asked_about_for_those_that_need_it() -> None:
    rules = (Rule("*", "allow", "docs/**"), Rule("renameFile", "ask"))
    judged = judge(rules, "renameFile", {}, touching("docs/a.md", "b.md"))
    assert judged.subjects.paths == ("b.md",)


def test_a_rule_with_a_pattern_says_nothing_of_a_call_without_paths() -> None:
    assert judge((Rule("*", "deny", "**"),), "fetchUrl", {}, Touches()).policy == "allow"
    assert (
        judge((Rule("mcp__x__*", "deny"),), "mcp__x__y", {"command": 7}, COMMAND).policy == "deny"
    )


@pytest.mark.parametrize("line", ["ls 'a*b' c", "rm -rf build", "a && b -c"])
def test_what_is_allowed_always_is_exactly_what_was_asked(line: str) -> None:
    patterns = subjects_of({"command": line}, COMMAND).patterns()
    assert patterns is not None
    rules = (*(Rule("executeCommand", "allow", each) for each in patterns), Rule("*", "ask"))
    assert policy_of(line, rules) == "allow"
    for other in (f"{line} more", f"{line}; more", line.replace("*", "anything") + "x"):
        assert policy_of(other, rules) == "ask"


@pytest.mark.parametrize("line", ["rm $X", 'rm "$X"', "rm `x`", "rm *.log", "$X y"])
def test_what_is_put_together_at_run_time_cannot_be_allowed_for_always(line: str) -> None:
    assert subjects_of({"command": line}, COMMAND).patterns() is None


@pytest.mark.parametrize("path", ["a.ts", "src/[id]/{x},y!.ts", "we*rd?.ts", r"back\slash", "!x"])
def test_a_path_that_is_allowed_always_is_exactly_that_path(path: str) -> None:
    patterns = subjects_of({}, touching(path)).patterns() or ()
    rules = (*(Rule("writeFile", "allow", each) for each in patterns), Rule("*", "ask"))
    assert judge(rules, "writeFile", {}, touching(path)).policy == "allow"
    for other in (f"x/{path}", f"{path}x", "src/i/x,y!.ts", "weird.ts"):
        assert judge(rules, "writeFile", {}, touching(other)).policy == "ask"


def test_a_pattern_with_many_stars_takes_no_time() -> None:
    rules = (Rule("executeCommand", "deny", "*a" * 200 + "b"),)
    assert policy_of("a" * 15_000, rules) == "allow"
