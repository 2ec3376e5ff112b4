"""From a command line to the calls that it would make, by the grammar of bash."""

import re
from collections.abc import Iterator

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from tools.terminal.policy.verdict import Call, Word

MAX_CHARS = 20_000
MAX_DEPTH = 60

_LANGUAGE = Language(tree_sitter_bash.language())
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_INVISIBLE = re.compile("[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_PATTERN = re.compile(r"(?<!\\)[*?\[]")
_BRACES = re.compile(r"(?<!\\)\{.*(,|\.\.).*\}", re.DOTALL)
_SOCKET = re.compile(r"/dev/(tcp|udp)\b")

_STRUCTURE = frozenset(
    {
        *("program", "list", "pipeline", "subshell", "compound_statement", "negated_command"),
        *("redirected_statement", "file_redirect", "heredoc_redirect", "herestring_redirect"),
        *("heredoc_start", "heredoc_body", "heredoc_content", "heredoc_end", "file_descriptor"),
        *("if_statement", "elif_clause", "else_clause", "for_statement", "while_statement"),
        *("do_group", "case_statement", "case_item", "c_style_for_statement", "comment"),
        *("test_command", "unary_expression", "binary_expression", "parenthesized_expression"),
        *("test_operator", "postfix_expression", "ternary_expression", "extglob_pattern", "regex"),
        *("variable_assignment", "variable_assignments", "variable_name", "subscript", "array"),
        *("special_variable_name", "declaration_command", "command", "command_name", "word"),
        *("number", "string", "string_content", "raw_string", "ansi_c_string", "concatenation"),
        *("translated_string", "simple_expansion", "expansion", "arithmetic_expansion"),
        *("command_substitution", "process_substitution", "brace_expression"),
    }
)
"""Every kind of node that is understood; a line with another one is refused."""


class Unreadable(Exception):
    """The line cannot be judged; the text says why."""


def calls_of(line: str) -> list[Call]:
    """Every call that the line would make, also those in substitutions, loops and conditions.

    Raises:
        Unreadable: it is no bash, or uses what is not understood here.
    """
    if len(line) > MAX_CHARS:
        raise Unreadable(f"it is longer than {MAX_CHARS:,} characters; write a script file instead")
    if _CONTROL.search(line) or _INVISIBLE.search(line):
        raise Unreadable("it contains a control or invisible character")
    if _SOCKET.search(line):
        raise Unreadable("it opens a network connection by /dev/tcp or /dev/udp")
    root = Parser(_LANGUAGE).parse(line.encode()).root_node
    if root.has_error:
        raise Unreadable("it could not be parsed as bash; split it up or write a script file")
    return list(_calls(root, 0))


def _calls(node: Node, depth: int) -> Iterator[Call]:
    if depth > MAX_DEPTH:
        raise Unreadable("it is nested too deeply")
    if node.is_named and node.type not in _STRUCTURE:
        raise Unreadable(f"it uses {node.type.replace('_', ' ')}, which is not supported")
    match node.type:
        case "command":
            yield _call(node)
        case "declaration_command":
            yield _declaration(node)
        case "variable_assignment" if node.parent is None or node.parent.type != "command":
            yield Call(Word(""), variables=(_variable(node),))
        case "for_statement":
            yield Call(Word(""), variables=(_text(node.child_by_field_name("variable")),))
        case _:
            pass
    for child in node.children:
        yield from _calls(child, depth + 1)


def _call(node: Node) -> Call:
    name = node.child_by_field_name("name")
    assigned = [child for child in node.children if child.type == "variable_assignment"]
    return Call(
        program=Word("", is_literal=False) if name is None else _word(name.children[0]),
        arguments=tuple(map(_word, node.children_by_field_name("argument"))),
        variables=tuple(map(_variable, assigned)),
    )


def _declaration(node: Node) -> Call:
    """`export`, `local`, `declare` and their like, as a call without arguments."""
    assigned = [child for child in node.children if child.type == "variable_assignment"]
    named = [child for child in node.children if child.type == "variable_name"]
    words = [child for child in node.children if child.type != "variable_assignment"]
    return Call(
        program=Word(_text(node.children[0])),
        arguments=tuple(_word(child) for child in words[1:] if child.type != "variable_name"),
        variables=(*map(_variable, assigned), *map(_text, named)),
    )


def _variable(node: Node) -> str:
    name = node.child_by_field_name("name")
    return _text(name).partition("[")[0]


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode()


def _word(node: Node) -> Word:
    """The text that the shell would pass, as far as it can be told."""
    raw = _text(node)
    match node.type:
        case "word" | "number" | "extglob_pattern":
            plain = re.sub(r"\\(\n|.)", lambda found: found[1].strip("\n"), raw, flags=re.DOTALL)
            before = "" if raw.startswith("~") else _PATTERN.split(raw)[0]
            if before == raw and not _BRACES.search(raw):
                return Word(plain)
            return Word(re.sub(r"\\(.)", r"\1", before.partition("{")[0]), is_literal=False)
        case "raw_string":
            return Word(raw[1:-1])
        case "string" | "translated_string":
            return _quoted(node)
        case "concatenation":
            return _joined(node)
        case _:
            return Word("", is_literal=False)


def _quoted(node: Node) -> Word:
    inner = [child for child in node.children if child.type not in {'"', '$"'}]
    if any(child.type != "string_content" for child in inner):
        first = inner[0]
        start = _text(first) if first.type == "string_content" else ""
        return Word(start, is_literal=False)
    # Between two contents stands white space that is no node of its own.
    raw = _text(node).lstrip("$")[1:-1]
    return Word(re.sub(r'\\([$`"\\\n])', lambda found: found[1].strip("\n"), raw))


def _joined(node: Node) -> Word:
    if _BRACES.search("".join(_text(each) for each in node.children if each.type == "word")):
        return Word("", is_literal=False)
    text = ""
    for child in node.children:
        part = Word(_text(child)) if _text(child) in {"{", "}"} else _word(child)
        text += part.text
        if not part.is_literal:
            return Word(text, is_literal=False)
    return Word(text)
