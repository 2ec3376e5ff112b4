"""The stacks that a project can be made in: what the agent is told of each, and no code."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class StackName(StrEnum):
    """By which name a stack is asked for."""

    REACT_VITE = "react-vite"
    NEXT = "next"
    FASTAPI = "fastapi"
    TYPESCRIPT_LIBRARY = "typescript-library"
    PYTHON_PACKAGE = "python-package"


DEFAULT = StackName.REACT_VITE


@dataclass(frozen=True)
class Stack:
    """A stack in words; `parts` say what each of the eight steps means in it."""

    title: str
    words: str
    parts: Mapping[str, str]


_NODE = (
    "Declare every package that is imported in package.json, with a caret range of its current "
    "major version. tsconfig.json is strict. .gitignore names node_modules and what is built."
)
_PYTHON = (
    "pyproject.toml has a [project] table with every package that is imported, and pytest in a "
    "`test` extra. .gitignore names .venv, __pycache__ and dist. The code is typed."
)

STACKS: Mapping[StackName, Stack] = {
    StackName.REACT_VITE: Stack(
        "React with Vite and TypeScript",
        _NODE + " The scripts are dev, build (`tsc --noEmit && vite build`) and, with tests, test "
        "(`vitest run`).",
        {
            "config": "package.json, tsconfig.json, vite.config.ts, index.html, .gitignore.",
            "source structure": "src/main.tsx, src/App.tsx with the routes, the global styles.",
            "components": "the shared building blocks of the interface, in src/components.",
            "pages": "one component a screen, in src/pages, joined to the routes of App.tsx.",
            "hooks": "the state and effects that several components share, in src/hooks.",
            "types": "the types of the domain, in src/types; the code uses them.",
            "utilities": "pure functions in src/lib, and tests of what can go wrong.",
            "readme": "README.md: what it is, how to run, build and test it.",
        },
    ),
    StackName.NEXT: Stack(
        "Next.js with the app router and TypeScript",
        _NODE + " The scripts are dev, build (`next build`), start and, with tests, test (`vitest "
        "run`). Fonts and data come from the project itself: building needs no network.",
        {
            "config": "package.json, tsconfig.json, next.config.ts, .gitignore.",
            "source structure": "app/layout.tsx, app/page.tsx, app/globals.css.",
            "components": "the shared building blocks of the interface, in components/.",
            "pages": "a page.tsx for each route of the description, and route handlers.",
            "hooks": "the state and effects that client components share, in hooks/.",
            "types": "the types of the domain, in types/; the code uses them.",
            "utilities": "pure functions in lib/, and tests of what can go wrong.",
            "readme": "README.md: what it is, how to run, build and test it.",
        },
    ),
    StackName.FASTAPI: Stack(
        "a FastAPI service in Python",
        _PYTHON + " Tests use fastapi.testclient.",
        {
            "config": "pyproject.toml, .gitignore.",
            "source structure": "app/__init__.py, app/main.py with the application, app/settings.",
            "components": "the services and the storage that routes stand on, in app/services.",
            "pages": "the routes, a router a noun, in app/routes, included by app/main.py.",
            "hooks": "dependencies, middleware and the lifespan, in app/dependencies.py.",
            "types": "the Pydantic models of requests and answers, in app/models.py.",
            "utilities": "pure functions, and tests of every route in tests/.",
            "readme": "README.md: what it is, how to run and test it, each route with an example.",
        },
    ),
    StackName.TYPESCRIPT_LIBRARY: Stack(
        "a plain TypeScript library",
        _NODE + " The scripts are build (`tsc -p tsconfig.json`, to dist with declarations) and "
        "test. package.json has exports and types.",
        {
            "config": "package.json, tsconfig.json, .gitignore.",
            "source structure": "src/index.ts, which exports what users import.",
            "components": "the modules that do the work, one subject each, in src/.",
            "pages": "runnable examples of the main uses, in examples/.",
            "hooks": "the points at which users extend or configure it: options, events, errors.",
            "types": "the public types, in src/types.ts; the code uses them.",
            "utilities": "internal pure functions, and tests of the public interface.",
            "readme": "README.md: what it is, how to install, use, build and test it.",
        },
    ),
    StackName.PYTHON_PACKAGE: Stack(
        "a Python package",
        _PYTHON + " The package is in src/, built with hatchling.",
        {
            "config": "pyproject.toml, .gitignore.",
            "source structure": "src/<package>/__init__.py with the public names, py.typed.",
            "components": "the modules that do the work, one subject each.",
            "pages": "the command line, if the description asks for one; else runnable examples.",
            "hooks": "the points at which users extend or configure it: options, errors.",
            "types": "the public types and protocols; the code uses them.",
            "utilities": "internal pure functions, and tests of the public interface in tests/.",
            "readme": "README.md: what it is, how to install, use and test it.",
        },
    ),
}
