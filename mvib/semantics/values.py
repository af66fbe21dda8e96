"""Numbers and calls after resolution: scalars that may follow a schedule, and bound calls of catalogue entries."""

import math
from dataclasses import dataclass, field
from typing import assert_never

from mvib.catalogue.signature import Default, Entry
from mvib.source import Span
from mvib.syntax import ast


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A number that changes over training.

    Attributes:
        shape: `linear`, `cosine`, `exponential` or `step`.
        start: value at the beginning.
        end: value at the end.
        at: progress at which a step happens.
        warmup: progress until which the value rises linearly from 0 to `start`.
        over: progress, warm-up included, after which it stays at `end`.
        hold: progress until which it stays at `start`, warm-up included.
    """

    shape: str
    start: float
    end: float
    at: float = 0.5
    hold: float = 0.0
    warmup: float = 0.0
    over: float = 1.0

    def value_at(self, progress: float) -> float:
        """Value at a progress between 0 (before the first step) and 1 (the end of training)."""
        if progress < self.warmup:
            return self.start * progress / self.warmup
        begin = max(self.warmup, self.hold)
        length = self.over - begin
        position = min(1.0, max(0.0, (progress - begin) / length)) if length > 0 else 1.0
        match self.shape:
            case "linear":
                return self.start + (self.end - self.start) * position
            case "cosine":
                return self.end + (self.start - self.end) * (1 + math.cos(math.pi * position)) / 2
            case "exponential":
                # a (b / a)^p, in a form that no pair of ends makes overflow.
                return math.pow(self.start, 1 - position) * math.pow(self.end, position)
            case "step":
                return self.end if progress >= self.at else self.start
            case _:
                raise AssertionError(self.shape)

    def __str__(self) -> str:
        return f"{self.shape}({self.start:g} -> {self.end:g})"


@dataclass(frozen=True, slots=True)
class Constant:
    """A plain number."""

    value: float


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A number that follows a schedule."""

    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Named:
    """The value of a parameter, which keeps its name for formulas."""

    name: str
    value: "Scalar"


@dataclass(frozen=True, slots=True)
class Operation:
    """Arithmetic on two scalars."""

    operator: str
    left: "Scalar"
    right: "Scalar"


Scalar = Constant | Scheduled | Named | Operation


def value_at(scalar: Scalar, progress: float) -> float:
    """The number at a progress between 0 and 1."""
    match scalar:
        case Constant(value):
            return value
        case Scheduled(schedule):
            return schedule.value_at(progress)
        case Named(_, value):
            return value_at(value, progress)
        case Operation(operator, left, right):
            return apply_operator(operator, value_at(left, progress), value_at(right, progress))
        case _:
            assert_never(scalar)


def is_constant(scalar: Scalar) -> bool:
    """Whether the number stays the same over training."""
    match scalar:
        case Constant():
            return True
        case Scheduled():
            return False
        case Named(_, value):
            return is_constant(value)
        case Operation(_, left, right):
            return is_constant(left) and is_constant(right)
        case _:
            assert_never(scalar)


def apply_operator(operator: str, left: float, right: float) -> float:
    """One of the four operations; division by zero gives a number that is not finite."""
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            # In floating point: a product of two large whole numbers is infinite, not huge.
            return float(left) * right
        case "/":
            return left / right if right else math.nan
        case _:
            raise AssertionError(operator)


def scalar_text(scalar: Scalar) -> str:
    """How a formula shows it: parameters by name, numbers short."""
    match scalar:
        case Constant(value):
            return f"{value:g}"
        case Scheduled(schedule):
            return str(schedule)
        case Named(name, _):
            return name
        case Operation("-", Constant(0), right):
            return f"-{_side_text(right, '+-')}"
        case Operation(operator, left, right):
            # Brackets where the tree differs from how the text without them would be read.
            weak = "+-" if operator in "*/" else ""
            first, second = _side_text(left, weak), _side_text(right, weak + {"-": "+-", "/": "*/"}.get(operator, ""))
            return f"{first} {operator} {second}"
        case _:
            assert_never(scalar)


def _side_text(side: Scalar, bracketed: str) -> str:
    text = scalar_text(side)
    return f"({text})" if isinstance(side, Operation) and side.operator in bracketed else text


@dataclass(frozen=True, slots=True)
class Learned:
    """A number that is trained.

    Attributes:
        start: value before training.
        positive: whether it must stay above zero.
        least: least value that training may bring it to, None for any.
    """

    start: float
    positive: bool
    least: float | None


@dataclass(frozen=True, slots=True)
class EncoderName:
    """The name of an encoder or decoder given as an argument."""

    name: str


@dataclass(frozen=True, slots=True)
class VariableName:
    """A variable given as an argument, with indices that a term may bind."""

    text: str
    reference: ast.Reference = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundCall:
    """A call of a catalogue entry with every argument bound to its value or default.

    Attributes:
        entry: the signature.
        arguments: values by name, in the order of the signature; None where nothing was given and that means something.
        span: the call in the file.
    """

    entry: Entry
    arguments: "tuple[tuple[str, ArgumentValue], ...]"
    span: Span = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """Name of the entry."""
        return self.entry.name

    def __getitem__(self, name: str) -> "ArgumentValue":
        return dict(self.arguments)[name]

    def words(self) -> dict[str, str]:
        """The arguments that have a value, as a spec would write them."""
        return {name: argument_text(value) for name, value in self.arguments if value is not None}

    def text(self) -> str:
        """The call as a spec would write it, arguments at their defaults left out."""
        defaults = {argument.name: argument for argument in self.entry.arguments}
        shown = []
        for name, value in self.arguments:
            argument = defaults[name]
            if value is None or _is_default(value, argument.default):
                continue
            prefix = "" if argument.positional or argument.variadic else f"{name}: "
            shown.append(prefix + argument_text(value))
        return f"{self.name}({', '.join(shown)})"


def _is_default(value: "ArgumentValue", default: Default) -> bool:
    return value == default or (isinstance(value, Constant) and value.value == default)


ArgumentValue = (
    None | bool | int | str | Scalar | Learned | EncoderName | VariableName | BoundCall
    | tuple[float, ...] | tuple[int, ...]
)  # fmt: skip


def argument_text(value: ArgumentValue) -> str:
    """A value as a spec would write it."""
    match value:
        case bool():
            return "true" if value else "false"
        case EncoderName(name) | VariableName(name):
            return name
        case Learned(start):
            return f"learned({start:g})"
        case BoundCall():
            return value.text()
        case tuple():
            return ", ".join(f"{item:g}" for item in value)
        case Constant() | Scheduled() | Named() | Operation():
            return scalar_text(value)
        case _:
            return str(value)
