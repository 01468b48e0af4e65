"""Check that modules and functions stay short.

A module of more than 300 lines needs a reason in `.ci/size_exceptions.toml`. Modules of more than
500 lines and functions of more than 60 are listed there until they are split. The list can only
shrink: an entry that is no longer needed is an error too. SQL and other multi-line constants do
not count towards a function's length. Migrations and tests are not checked.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("compliance", "config", "standalone")
EXCEPTIONS = ROOT / ".ci" / "size_exceptions.toml"
MODULE_NEEDS_REASON = 300
MODULE_LIMIT = 500
FUNCTION_LIMIT = 60

Function = ast.FunctionDef | ast.AsyncFunctionDef
Exceptions = dict[str, dict[str, str]]  # reasons by table and name


@dataclass(frozen=True, kw_only=True, slots=True)
class Lengths:
    """The modules and functions that are too long, with their numbers of lines."""

    modules: dict[str, int]
    functions: dict[str, int]


def modules() -> Iterator[Path]:
    """Yield every module that is checked."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Yield the qualified name and the length of every function and method."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            name = f"{prefix}{child.name}"
            if isinstance(child, Function):
                yield name, length(child)
            yield from functions(child, f"{name}.")
        else:
            yield from functions(child, prefix)


def length(function: Function) -> int:
    """Return the number of lines from `def` to the end, without multi-line constants."""
    docstring = function.body[0].value if isinstance(function.body[0], ast.Expr) else None
    constants = {
        line
        for node in ast.walk(function)
        if isinstance(node, ast.Constant | ast.JoinedStr) and node is not docstring
        for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    }
    return (function.end_lineno or function.lineno) - function.lineno + 1 - len(constants)


def measure() -> Lengths:
    """Return the modules over 300 lines and the functions over 60, with their lengths."""
    long_modules, long_functions = {}, {}
    for path in modules():
        text = path.read_text()
        name = path.relative_to(ROOT).as_posix()
        lines = len(text.splitlines())
        if lines > MODULE_NEEDS_REASON:
            long_modules[name] = lines
        for function, count in functions(ast.parse(text)):
            if count > FUNCTION_LIMIT:
                long_functions[f"{name}:{function}"] = count
    return Lengths(modules=long_modules, functions=long_functions)


def too_long(lengths: Lengths, exceptions: Exceptions) -> Iterator[str]:
    """Yield a sentence for each module and function that is too long and not an exception."""
    for name, lines in lengths.modules.items():
        if lines > MODULE_LIMIT and name not in exceptions["to_split"]:
            yield f"{name} has {lines} lines: split it (at most {MODULE_LIMIT})"
        elif lines <= MODULE_LIMIT and name not in exceptions["over_300_lines"]:
            yield f"{name} has {lines} lines: split it, or give the reason in over_300_lines"
    for name, lines in lengths.functions.items():
        if name not in exceptions["functions_over_60_lines"]:
            yield f"{name} has {lines} lines: split it (at most {FUNCTION_LIMIT})"


def outdated(lengths: Lengths, exceptions: Exceptions) -> Iterator[str]:
    """Yield a sentence for each exception that is no longer needed."""
    over_limit = {name for name, lines in lengths.modules.items() if lines > MODULE_LIMIT}
    needed = {
        "over_300_lines": lengths.modules.keys() - over_limit,
        "to_split": over_limit,
        "functions_over_60_lines": lengths.functions.keys(),
    }
    for table, names in needed.items():
        for name in exceptions[table].keys() - names:
            yield f"{name} no longer belongs in {table}: remove it"


def main() -> int:
    """Print every fault; return 1 if there is one."""
    lengths, exceptions = measure(), tomllib.loads(EXCEPTIONS.read_text())
    found = [*too_long(lengths, exceptions), *outdated(lengths, exceptions)]
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        print(f"The exceptions are in {EXCEPTIONS.relative_to(ROOT)}.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
