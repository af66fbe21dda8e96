"""Values of a spec as Python writes them."""

import math
from collections.abc import Callable

from mvib.compile.emission.errors import EmissionError
from mvib.compile.emission.library import Library
from mvib.compile.emission.text import quoted
from mvib.semantics.values import (
    ArgumentValue,
    BoundCall,
    Constant,
    EncoderName,
    Learned,
    Named,
    Operation,
    Scalar,
    Scheduled,
    VariableName,
    is_constant,
    value_at,
)


def literal(value: object) -> str:
    """A plain value.

    Raises:
        EmissionError: it is no plain value.
    """
    match value:
        case None | bool() | int():
            return repr(value)
        case str():
            return quoted(value)
        case float():
            return repr(value) if math.isfinite(value) else f'float("{value}")'
        case tuple():
            inner = ", ".join(literal(item) for item in value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case _:
            raise EmissionError(
                f"a value of the kind `{type(value).__name__}` has no text", remedy="write it as a number or a word"
            )


def scalar_expression(scalar: Scalar, *, named: Callable[[str, Scalar], str], library: Library) -> str:
    """A number of the spec; one that follows a schedule at the module's present progress.

    Args:
        scalar: the number.
        named: how a parameter of the spec is written, from its name and value.
        library: takes up what is needed.
    """
    match scalar:
        case Constant(value):
            return literal(value)
        case Named(name, value):
            return named(name, value)
        case Scheduled(schedule):
            made = library.piece("mvib.semantics.values", "Schedule")
            words = {name: getattr(schedule, name) for name in ("shape", "start", "end")}
            for name, usual in (("at", 0.5), ("hold", 0.0), ("warmup", 0.0), ("over", 1.0)):
                if getattr(schedule, name) != usual:
                    words[name] = getattr(schedule, name)
            inner = ", ".join(f"{name}={literal(value)}" for name, value in words.items())
            return f"{made}({inner}).value_at(self.progress)"
        case Operation(operator, left, right):
            is_safe = operator in "+-" or (operator == "*" and isinstance(value_at(left, 0.0), float))
            is_safe = is_safe or (operator == "/" and is_constant(right) and value_at(right, 0.0) != 0)
            if not is_safe:
                if is_constant(scalar):
                    return literal(value_at(scalar, 0.0))
                apply = library.piece("mvib.semantics.values", "apply_operator")
                sides = [scalar_expression(side, named=named, library=library) for side in (left, right)]
                return f"{apply}({literal(operator)}, {', '.join(sides)})"
            first, second = (scalar_expression(side, named=named, library=library) for side in (left, right))
            return f"({first} {operator} {second})"


def argument_expression(value: ArgumentValue, *, named: Callable[[str, Scalar], str], library: Library) -> str:
    """An argument of a builder or an estimator.

    Raises:
        EmissionError: it is none that a file could hold.
    """
    match value:
        case Constant() | Named() | Operation() | Scheduled():
            return scalar_expression(value, named=named, library=library)
        case BoundCall() | EncoderName() | VariableName() | Learned():
            raise EmissionError(
                "a network or a variable is an argument of a module, for which standalone source has no words",
                remedy="train it with `mvib train`",
            )
        case _:
            return literal(value)
