"""Constant expressions of OpenQASM as numbers, from the nodes of its syntax tree. Used by program.

Nodes are told apart by the names of their classes, so that the parser is needed only where there is a file to read.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

Number = int | float | bool

CONSTANTS: dict[str, Number] = {
    "pi": math.pi, "π": math.pi, "tau": math.tau, "τ": math.tau, "euler": math.e, "ℇ": math.e
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Number]] = {
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "arcsin": math.asin, "arccos": math.acos, "arctan": math.atan,
    "exp": math.exp, "log": math.log, "ln": math.log, "sqrt": math.sqrt, "pow": operator.pow, "floor": math.floor,
    "ceiling": math.ceil, "mod": operator.mod,
}  # fmt: skip
OPERATORS: dict[str, Callable[..., Number]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "**": operator.pow, "%": operator.mod,
    "<<": operator.lshift, ">>": operator.rshift, "<": operator.lt, ">": operator.gt, "<=": operator.le,
    ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
MOST = 1_000_000  # turns of a loop


class QasmError(ValueError):
    """A program that cannot be read as a circuit: names the line, what was wanted and what was found."""


def kind(node: Any) -> str:
    """The name of a node's class."""
    return type(node).__name__


def refuse(node: Any, text: str) -> QasmError:
    """The error that names a node's line."""
    span = getattr(node, "span", None)
    return QasmError(f"line {span.start_line}: {text}" if span is not None else text)


def value(node: Any, names: Mapping[str, Number]) -> Number:
    """The number of an expression. Raises QasmError where it is not constant, or no number."""
    try:
        return _value(node, names)
    except (ArithmeticError, TypeError, ValueError) as error:
        if isinstance(error, QasmError):
            raise
        raise refuse(node, f"wanted a number, found {error}") from error


def _value(node: Any, names: Mapping[str, Number]) -> Number:
    match kind(node):
        case "IntegerLiteral" | "FloatLiteral" | "BooleanLiteral":
            return node.value
        case "Identifier":
            if node.name not in names and node.name not in CONSTANTS:
                raise refuse(node, f"wanted a constant, found {node.name!r}")
            return names[node.name] if node.name in names else CONSTANTS[node.name]
        case "UnaryExpression" if node.op.name == "-":
            return -_value(node.expression, names)
        case "BinaryExpression":
            return _binary(node, _value(node.lhs, names), _value(node.rhs, names))
        case "FunctionCall" if node.name.name in FUNCTIONS:
            return FUNCTIONS[node.name.name](*(_value(argument, names) for argument in node.arguments))
        case "Cast":
            return _value(node.argument, names)
    raise refuse(node, f"wanted a constant expression, found {kind(node)}")


def _binary(node: Any, one: Number, other: Number) -> Number:
    sign = node.op.name
    if sign == "/":  # 1/2 is a half, as in pow(1/2), and 4/2 still a place or a count
        exact = isinstance(one, int) and isinstance(other, int) and other != 0 and one % other == 0
        return one // other if exact else one / other
    if sign not in OPERATORS:
        raise refuse(node, f"wanted arithmetic, found the operator {sign!r}")
    return OPERATORS[sign](one, other)


def integer(node: Any, names: Mapping[str, Number]) -> int:
    """The integer of an expression. Raises QasmError for other numbers."""
    found = value(node, names)
    if not isinstance(found, int):
        raise refuse(node, f"wanted an integer, found {found}")
    return int(found)


def integers(node: Any, names: Mapping[str, Number], size: int | None = None) -> list[int]:
    """What a range [start:step:end], its end included, or a set {..} holds; with size, of places that may be negative.

    Raises QasmError for a step of 0, an open end where there is no size, and more than a million numbers.
    """
    if kind(node) == "DiscreteSet":
        return [integer(member, names) for member in node.values]
    if kind(node) != "RangeDefinition":
        return [integer(node, names)]
    step = 1 if node.step is None else integer(node.step, names)
    if step == 0 or (size is None and (node.start is None or node.end is None)):
        raise refuse(node, "wanted a range with both ends and a step other than 0")
    ends = [(size or 0) - 1, 0] if step < 0 else [0, (size or 0) - 1]
    start, end = (
        default if given is None else integer(given, names) for given, default in zip((node.start, node.end), ends)
    )
    if size is not None:
        start, end = (place + size if place < 0 else place for place in (start, end))
    found = range(start, end + (1 if step > 0 else -1), step)
    if len(found) > MOST:
        raise refuse(node, f"wanted a range of at most {MOST} numbers, found {len(found)}")
    return list(found)
