"""Where names stand in the trees of each language: what searchCodebase asks ast-grep for.

A place is written from the inside out: `at("identifier", "call.function")` is an identifier that is
the field `function` of a `call`. Names of nodes and fields are those of the tree-sitter grammars.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

Kind = Literal["function", "class", "variable", "import", "export", "call", "heading"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Rule = Mapping[str, Any]

SUFFIXES = {
    "TypeScript": (".ts", ".mts", ".cts"),
    "Tsx": (".tsx",),
    "JavaScript": (".js", ".jsx", ".mjs", ".cjs"),
    "Python": (".py", ".pyi"),
    "Go": (".go",),
    "Rust": (".rs",),
    "Java": (".java",),
    "Html": (".html", ".htm"),
    "Css": (".css", ".scss"),
    "Json": (".json",),
    "Yaml": (".yaml", ".yml"),
    "Markdown": (".md", ".markdown"),
}
PROGRAMMING = frozenset({"TypeScript", "Tsx", "JavaScript", "Python", "Go", "Rust", "Java"})
LANGUAGE_OF = {suffix: name for name, suffixes in SUFFIXES.items() for suffix in suffixes}

_QUOTED = re.compile(r"""["'`<]([^"'`>]+)["'`>]""")
IMPORTED: Mapping[str, re.Pattern[str]] = {
    "TypeScript": _QUOTED,
    "Tsx": _QUOTED,
    "JavaScript": _QUOTED,
    "Go": _QUOTED,
    "Css": _QUOTED,
    "Python": re.compile(
        r"(?:from\s+(?=\S+\s+import)|import\s+)([^\n#]+?)(?:\s+import\b.*)?$", re.DOTALL
    ),
    "Rust": re.compile(r"(?:use|extern\s+crate)\s+(.+?)\s*;", re.DOTALL),
    "Java": re.compile(r"import\s+(?:static\s+)?(.+?)\s*;", re.DOTALL),
}
"""What an import brings in, from the text of the statement."""


def kinds(names: str) -> Rule:
    """Any of the nodes, between bars."""
    return _any([{"kind": name} for name in names.split("|")])


def at(names: str, *around: str, holding: tuple[str, str] | None = None) -> Rule:
    """Nodes in a place: around them, nearest first, `kind|kind.field` or only kinds.

    `holding` is a field of the nearest one and the kinds that it must have. Twice `not`: else
    ast-grep prints every node around a match whole.
    """
    inside: dict[str, Any] = {}
    for number, step in reversed(list(enumerate(around))):
        parents, _, field = step.partition(".")
        rule: dict[str, Any] = dict(kinds(parents))
        if number == 0 and holding is not None:
            rule["has"] = {"field": holding[0], **kinds(holding[1])}
        if inside:
            rule["inside"] = inside
        inside = {**rule, **({"field": field} if field else {})}
    return _inside(names, inside)


def like(rule: Rule, regex: str) -> Rule:
    """The nodes whose text matches as well."""
    return {"all": [rule, {"regex": regex}]}


def _inside(names: str, around: Rule) -> Rule:
    return {**kinds(names), "not": {"not": {"inside": around}}}


def _any(rules: list[Rule]) -> Rule:
    return rules[0] if len(rules) == 1 else {"any": rules}


_FUNCTIONS = "arrow_function|function_expression|generator_function"
_DECLARED = (
    "function_declaration|generator_function_declaration|function_signature|class_declaration|"
    "abstract_class_declaration|interface_declaration|type_alias_declaration|enum_declaration"
)

_RE_EXPORT = {
    "kind": "export_statement",
    "field": "source",
    "not": {"has": {"kind": "export_clause"}},
}


def _ecmascript(*, is_typed: bool, has_jsx: bool) -> Mapping[Kind, list[Rule]]:
    class_name = "type_identifier" if is_typed else "identifier"
    classes = "class_declaration|class" + ("|abstract_class_declaration" if is_typed else "")
    functions = "function_declaration|generator_function_declaration" + (
        "|function_signature" if is_typed else ""
    )
    declared = _DECLARED if is_typed else f"{functions}|class_declaration"
    field = "public_field_definition.name" if is_typed else "field_definition.property"
    property_name = "property_identifier|private_property_identifier"
    found: dict[Kind, list[Rule]] = {
        "function": [
            at("identifier", f"{functions}.name"),
            at(property_name, "method_definition.name"),
            at("identifier", "variable_declarator.name", holding=("value", _FUNCTIONS)),
            at(property_name, field, holding=("value", _FUNCTIONS)),
            at("property_identifier", "pair.key", holding=("value", _FUNCTIONS)),
        ],
        "class": [at(class_name, f"{classes}.name")],
        "variable": [
            at("identifier", "variable_declarator.name"),
            at("identifier", "array_pattern", "variable_declarator.name"),
            at(
                "shorthand_property_identifier_pattern",
                "object_pattern",
                "variable_declarator.name",
            ),
        ],
        "import": [
            kinds("import_statement"),
            {
                "kind": "call_expression",
                "regex": r"""^(require|import)\(\s*["'][^"']+["']\s*\)$""",
            },
        ],
        "export": [
            at(
                "identifier|type_identifier" if is_typed else "identifier",
                f"{declared}.name",
                "export_statement",
            ),
            at(
                "identifier",
                "variable_declarator.name",
                "lexical_declaration|variable_declaration",
                "export_statement",
            ),
            kinds("export_specifier"),
            at("identifier", "export_statement.value"),
            _inside("string", _RE_EXPORT),
            like(
                at("member_expression", "assignment_expression.left"),
                r"^(module\.)?exports(\.\w+)?$",
            ),
        ],
        "call": [
            at("identifier", "call_expression.function"),
            at(property_name, "member_expression.property", "call_expression.function"),
            at("identifier", "new_expression.constructor"),
        ],
    }
    if is_typed:
        found["class"] += [
            at("type_identifier", "interface_declaration|type_alias_declaration.name"),
            at("identifier", "enum_declaration.name"),
        ]
    if has_jsx:
        elements = "jsx_opening_element|jsx_self_closing_element.name"
        found["call"].append(like(at("identifier|member_expression", elements), "^[A-Z]"))
    return found


_RUST_ITEMS = "function_item|struct_item|enum_item|trait_item|union_item|type_item|const_item|static_item|mod_item"  # noqa: E501
_JAVA_TYPES = "class_declaration|interface_declaration|enum_declaration|record_declaration|annotation_type_declaration"  # noqa: E501


def _attribute(name: str) -> Rule:
    named = {"kind": "attribute_name", "regex": f"^(?i:{name})$"}
    around = {"kind": "attribute", "stopBy": {"kind": "start_tag"}, "has": named}
    return _inside("attribute_value", around)


RULES: Mapping[str, Mapping[Kind, list[Rule]]] = {
    "TypeScript": _ecmascript(is_typed=True, has_jsx=False),
    "Tsx": _ecmascript(is_typed=True, has_jsx=True),
    "JavaScript": _ecmascript(is_typed=False, has_jsx=True),
    "Python": {
        "function": [at("identifier", "function_definition.name")],
        "class": [at("identifier", "class_definition.name")],
        "variable": [
            at("identifier", "assignment.left"),
            at("identifier", "pattern_list", "assignment.left"),
            at("attribute", "assignment.left"),
        ],
        "import": [kinds("import_statement|import_from_statement|future_import_statement")],
        "call": [
            at("identifier", "call.function"),
            at("identifier", "attribute.attribute", "call.function"),
        ],
    },
    "Go": {
        "function": [
            at("identifier", "function_declaration.name"),
            at("field_identifier", "method_declaration.name"),
        ],
        "class": [at("type_identifier", "type_spec|type_alias.name")],
        "variable": [
            at("identifier", "var_spec|const_spec"),
            at("identifier", "expression_list", "short_var_declaration.left"),
        ],
        "import": [kinds("import_spec")],
        "export": [
            like(at("identifier", "function_declaration.name"), "^[A-Z]"),
            like(at("identifier", "var_spec|const_spec"), "^[A-Z]"),
            like(at("field_identifier", "method_declaration.name"), "^[A-Z]"),
            like(at("type_identifier", "type_spec|type_alias.name"), "^[A-Z]"),
        ],
        "call": [
            at("identifier", "call_expression.function"),
            at("field_identifier", "selector_expression.field", "call_expression.function"),
        ],
    },
    "Rust": {
        "function": [
            at("identifier", "function_item|function_signature_item|macro_definition.name")
        ],
        "class": [
            at("type_identifier", "struct_item|enum_item|trait_item|union_item|type_item.name")
        ],
        "variable": [
            at("identifier", "let_declaration.pattern"),
            at("identifier", "const_item|static_item.name"),
        ],
        "import": [kinds("use_declaration|extern_crate_declaration")],
        "export": [
            _inside(
                "identifier|type_identifier",
                {**kinds(_RUST_ITEMS), "field": "name", "has": {"kind": "visibility_modifier"}},
            )
        ],
        "call": [
            at("identifier", "call_expression.function"),
            at("field_identifier", "field_expression.field", "call_expression.function"),
            at("identifier", "scoped_identifier.name", "call_expression.function"),
            at("identifier", "macro_invocation.macro"),
        ],
    },
    "Java": {
        "function": [at("identifier", "method_declaration|constructor_declaration.name")],
        "class": [at("identifier", f"{_JAVA_TYPES}.name")],
        "variable": [at("identifier", "variable_declarator.name")],
        "import": [kinds("import_declaration")],
        "export": [
            _inside(
                "identifier",
                {
                    **kinds(f"{_JAVA_TYPES}|method_declaration|constructor_declaration"),
                    "field": "name",
                    "has": {"kind": "modifiers", "regex": r"\bpublic\b"},
                },
            )
        ],
        "call": [
            at("identifier", "method_invocation.name"),
            at("type_identifier", "object_creation_expression.type"),
        ],
    },
    "Html": {
        "class": [_attribute("class")],
        "variable": [_attribute("id")],
        "import": [_attribute("src|href")],
        "call": [like(at("tag_name", "start_tag|self_closing_tag"), "-")],
    },
    "Css": {
        "function": [kinds("keyframes_name")],
        "class": [at("class_name", "class_selector")],
        "variable": [like(at("property_name", "declaration"), "^--"), kinds("id_name")],
        "import": [kinds("import_statement")],
        "call": [kinds("function_name")],
    },
    "Json": {"variable": [at("string", "pair.key")]},
    "Yaml": {"variable": [at("flow_node", "block_mapping_pair|flow_pair.key")]},
    "Markdown": {"heading": [kinds("atx_heading|setext_heading")]},
}
