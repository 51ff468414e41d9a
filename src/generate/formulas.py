"""Read formulas, hold them to their rules, and write one as Cython or as C.

A formula is a function of numbers: assignments to names, then one return. It consists of float literals, its arguments
and names assigned before, + - * /, a minus sign, comparisons, and calls of the vocabulary (gdfast/formulas/
vocabulary.py) or of a formula above it. So it has no branches, and the text of an expression is the same in C.
"""

import ast
from pathlib import Path

__all__ = ["FormulaError", "Registry", "arguments_of", "body", "c_formula", "calls", "cython_formula", "read", "used"]

Registry = dict[str, ast.Call]

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq)
ADVICE = {
    ast.If: "`if` is a branch; use where(condition, a, b), both sides of which must be harmless",
    ast.IfExp: "`if` is a branch; use where(condition, a, b), both sides of which must be harmless",
    ast.Pow: "`**` is another operator in C; write a product, or exp and log1p",
    ast.BoolOp: "`and` and `or` are branches; use where inside where",
}


class FormulaError(ValueError):
    """A formula breaks a rule."""


def read(path: Path) -> tuple[dict[str, ast.FunctionDef], Registry]:
    """Return a file's functions by name, and its registry: the dict that the file ends with, if it does."""
    tree = ast.parse(path.read_text(encoding="utf-8"), path.name)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    registry = getattr(tree.body[-1], "value", None)
    if not isinstance(registry, ast.Dict):
        return functions, {}
    return functions, {key.value: entry for key, entry in zip(registry.keys, registry.values, strict=True)}


def vocabulary(folder: Path) -> set[str]:
    """Return the names of the functions that a formula may call."""
    tree = ast.parse((folder / "vocabulary.py").read_text(encoding="utf-8"))
    names = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"]
    return set(ast.literal_eval(names[0]))


def used(path: Path, names: set[str] | None = None) -> list[ast.FunctionDef]:
    """Return the formulas of a file in their order, checked: those named and what they call, or all."""
    functions, _ = read(path)
    wanted = set(functions) if names is None else set(names)
    for name in reversed(functions):
        if name in wanted:
            wanted |= calls(functions[name]) & set(functions)
    known, chosen = vocabulary(path.parent), []
    for name, function in functions.items():
        if name in wanted:
            check(function, known, path.name)
            known.add(name)
            chosen.append(function)
    return chosen


def body(function: ast.FunctionDef) -> list[ast.stmt]:
    """Return a formula's statements without its docstring."""
    return function.body[1:] if ast.get_docstring(function) else function.body


def calls(function: ast.FunctionDef) -> set[str]:
    """Return the names of the functions that a formula calls."""
    return {
        node.func.id for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def check(function: ast.FunctionDef, known: set[str], file: str) -> None:
    """Raise FormulaError where a formula breaks a rule; known are the functions that it may call."""

    def refuse(node: ast.AST, advice: str) -> None:
        raise FormulaError(f"{file}, line {node.lineno}, formula {function.name}: {advice}")

    def expression(node: ast.AST) -> None:
        match node:
            case ast.Constant():
                if not isinstance(node.value, float):
                    refuse(node, f"{node.value!r} must be a float literal: an integer divides otherwise in C")
            case ast.Name():
                if node.id not in names:
                    refuse(node, f"{node.id} is neither an argument nor assigned above")
            case ast.BinOp(left=left, op=op, right=right) if isinstance(op, OPERATORS):
                expression(left)
                expression(right)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                expression(operand)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if isinstance(op, COMPARISONS):
                expression(left)
                expression(right)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                if name not in known:
                    refuse(node, f"{name} may not be called, only {', '.join(sorted(known))}")
                for argument in arguments:
                    expression(argument)
            case _:
                advice = ADVICE.get(type(getattr(node, "op", node))) or ADVICE.get(type(node))
                refuse(node, advice or f"`{ast.unparse(node)}` is not written in the vocabulary of formulas")

    names = {argument.arg for argument in function.args.args}
    *assignments, last = body(function)
    for statement in assignments:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                expression(value)
                names.add(name)
            case _:
                refuse(statement, ADVICE.get(type(statement), "only assignments to one name may precede the return"))
    if not isinstance(last, ast.Return) or last.value is None:
        refuse(last, ADVICE.get(type(last), "the last statement must return a value"))
    for value in last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]:
        expression(value)


def arguments_of(function: ast.FunctionDef, kind: str = "double", of_kind: tuple[str, ...] = ()) -> str:
    """Return a formula's arguments, declared: those named of a kind, the others as numbers."""
    return ", ".join(
        f"{kind if argument.arg in of_kind else 'double'} {argument.arg}" for argument in function.args.args
    )


def cython_formula(function: ast.FunctionDef) -> str:
    """Return a formula as a Cython function of doubles."""
    lines = "\n    ".join(ast.unparse(statement) for statement in body(function))
    return f"\ncdef inline double {function.name}({arguments_of(function)}) noexcept nogil:\n    {lines}\n"


def c_formula(function: ast.FunctionDef, kind: str = "double", of_kind: tuple[str, ...] = ()) -> str:
    """Return a formula as a C function, in the vocabulary of src/c/elementary.h or lanes.h.

    Its value, what it assigns and the arguments named are of a kind, doubles or lanes.
    """
    declared = {argument.arg for argument in function.args.args}
    read = {node.id for statement in body(function) for node in ast.walk(statement) if isinstance(node, ast.Name)}
    lines = [f"    (void){name};" for name in sorted(declared - read)]  # all formulas of a kind take the same arguments
    for statement in body(function):
        new = isinstance(statement, ast.Assign) and statement.targets[0].id not in declared
        if new:
            declared.add(statement.targets[0].id)
        lines.append(f"    {f'{kind} ' if new else ''}{ast.unparse(statement)};")
    head = f"\nstatic inline {kind} {function.name}({arguments_of(function, kind, of_kind)})\n"
    return head + "{\n" + "\n".join(lines) + "\n}\n"
