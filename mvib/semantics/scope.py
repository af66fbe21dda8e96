"""What names mean while a spec is resolved, and the evaluation of numbers and calls in it."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from mvib.catalogue import Catalogue
from mvib.catalogue.signature import Argument, Entry, Kind, Required, Role
from mvib.diagnostics import Diagnostic, quoted_list
from mvib.semantics import errors
from mvib.semantics.method import Parameter
from mvib.semantics.values import (
    ArgumentValue,
    BoundCall,
    Constant,
    EncoderName,
    Learned,
    Named,
    Operation,
    Scalar,
    Schedule,
    Scheduled,
    VariableName,
    apply_operator,
    is_constant,
    value_at,
)
from mvib.source import Span
from mvib.syntax import ast

# Where in training a number that follows a schedule is looked at, for its sign and its range.
_PROGRESS = tuple(step / 32 for step in range(33))

# The word for a number that is trained.
LEARNED = "learned"

# Members and combinations of indices that all statements of a spec together may expand to.
MAX_EXPANDED = 1 << 15


class Unresolved(Exception):
    """Resolution of one statement stops here; its diagnostic has been reported."""


@dataclass(slots=True, kw_only=True)
class Scope:
    """The catalogue, the parameters and the module names of a spec, and where mistakes are collected.

    Attributes:
        catalogue: what may be called.
        parameters: those resolved so far.
        module_names: names of all encoders and decoders of the spec, those with mistakes included.
        found: the mistakes, each once.
        variable_uses: names used as variables that do not exist, with their places.
        parameter_uses: the same for parameters.
        indices: values of the indices that numbers may use in a call of a family's member: `position(t)`.
        num_expanded: members and combinations of indices that the statements so far stand for.
    """

    catalogue: Catalogue
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    module_names: frozenset[str] = frozenset()
    found: dict[Diagnostic, None] = field(default_factory=dict)
    variable_uses: dict[str, list[ast.Reference]] = field(default_factory=dict)
    parameter_uses: dict[str, list[Span]] = field(default_factory=dict)
    indices: Mapping[str, int] = field(default_factory=dict)
    num_expanded: int = 0

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What was found, in the order in which it was."""
        return list(self.found)

    def report(self, diagnostic: Diagnostic) -> None:
        """Collect a mistake and go on; the same mistake at the same place is collected once."""
        self.found[diagnostic] = None

    def fail(self, diagnostic: Diagnostic) -> Unresolved:
        """Collect a mistake that ends the resolution of its statement: `raise scope.fail(...)`."""
        self.report(diagnostic)
        return Unresolved()

    def expand(self, span: Span, count: int) -> None:
        """Count what a statement expands to, before it does; the statement that passes the limit fails."""
        self.num_expanded += count
        if self.num_expanded > MAX_EXPANDED:
            raise self.fail(
                errors.too_large(
                    span,
                    "the families of this spec have too many members",
                    label=f"with this it is more than {MAX_EXPANDED:,}, every use of a member counted",
                    remedy="make the ranges smaller",
                )
            )

    def undefined_variable(self, reference: ast.Reference) -> Unresolved:
        """Collect a use of a variable that does not exist; all uses of one name become one diagnostic."""
        self.variable_uses.setdefault(reference.name.text, []).append(reference)
        return Unresolved()

    def _undefined_parameter(self, name: ast.Name) -> Unresolved:
        self.parameter_uses.setdefault(name.text, []).append(name.span)
        return Unresolved()

    @contextmanager
    def at(self, indices: Mapping[str, int]) -> Iterator[None]:
        """Let numbers use the values of indices for a while."""
        before, self.indices = self.indices, indices
        try:
            yield
        finally:
            self.indices = before

    # ---- numbers

    def scalar(self, value: ast.Expression, what: str) -> Scalar:
        """A number, a parameter, a schedule, or arithmetic on them.

        Args:
            value: the expression.
            what: what it is, for a message: `a weight`.
        """
        match value:
            case ast.Number(value=number):
                if abs(number) > 1e300:
                    raise self.fail(errors.not_finite(value.span))
                return Constant(number)
            case ast.Negative(operand=operand):
                return self._operation("-", Constant(0), self.scalar(operand, what), value.span)
            case ast.Binary(operator=operator, left=left, right=right):
                return self._operation(operator, self.scalar(left, what), self.scalar(right, what), value.span)
            case ast.Reference(name=name, indices=()) if name.text in self.indices:
                return Constant(self.indices[name.text])
            case ast.Reference(name=name, indices=()):
                if name.text not in self.parameters:
                    raise self._undefined_parameter(name)
                return Named(name.text, self.parameters[name.text].value)
            case ast.Call():
                return Scheduled(self.schedule(value))
            case _:
                raise self.fail(errors.not_a_number(value.span, what))

    def _operation(self, operator: str, left: Scalar, right: Scalar, span: Span) -> Scalar:
        result = Operation(operator, left, right)
        if not all(map(math.isfinite, self.extremes(result))):
            raise self.fail(errors.not_finite(span))
        if isinstance(left, Constant) and isinstance(right, Constant):
            return Constant(apply_operator(operator, left.value, right.value))
        return result

    def number(self, value: ast.Expression, what: str) -> float:
        """A number that stays the same over training."""
        scalar = self.scalar(value, what)
        if not is_constant(scalar):
            raise self.fail(errors.schedule_not_allowed(value.span, what))
        return value_at(scalar, 0.0)

    def extremes(self, scalar: Scalar) -> tuple[float, ...]:
        """Values of a number over training, the smallest and the greatest among them."""
        return tuple(value_at(scalar, progress) for progress in ((0.0,) if is_constant(scalar) else _PROGRESS))

    def schedule(self, call: ast.Call) -> Schedule:
        """`cosine(a -> b, warmup: 0.1)`."""
        entries = self.catalogue.schedules
        if call.function.text not in entries:
            raise self.fail(
                errors.unknown_entry(call.function.span, "schedule", "schedules", call.function.text, entries)
            )
        entry = entries[call.function.text]
        transition = self._transition(call)
        start, end = (self.number(side, f"an end of `{entry.name}`") for side in (transition.start, transition.end))
        rest = tuple(argument for argument in call.arguments if argument.value is not transition)
        bound = self.bind(ast.Call(span=call.span, function=call.function, arguments=rest), entry).arguments
        numbers = {name: value_at(value, 0.0) for name, value in bound if isinstance(value, Scalar)}
        if entry.name == "exponential" and (start <= 0 or end <= 0):
            raise self.fail(
                errors.bad_schedule(
                    transition.span,
                    "an exponential schedule goes between two positive numbers",
                    label="an end is zero or negative",
                    remedy=f"write `linear({transition.span.text})`, or a small number such as `1e-6` for zero",
                )
            )
        numbers["hold"] = numbers.pop("start")
        for name, key in (("warmup", "warmup"), ("start", "hold")):
            if numbers[key] < numbers["over"]:
                continue
            place = next((a.span for a in rest if a.name is not None and a.name.text == name), call.span)
            what = "warm-up" if name == "warmup" else "constant beginning"
            raise self.fail(
                errors.bad_schedule(
                    place,
                    f"the {what} is as long as the whole schedule",
                    label=f"over before it starts: the schedule ends at {numbers['over']:g}",
                    remedy=f"both are fractions of training: make `{name}` smaller than `over` (1 when left out)",
                )
            )
        return Schedule(shape=entry.name, start=start, end=end, **numbers)

    def _transition(self, call: ast.Call) -> ast.Transition:
        transitions = [a for a in call.arguments if isinstance(a.value, ast.Transition)]
        if len(transitions) == 1 and transitions[0].name is None:
            transition = transitions[0].value
            assert isinstance(transition, ast.Transition)
            return transition
        numbers = [a.span.text for a in call.arguments if a.name is None]
        example = " -> ".join(numbers) if len(numbers) == 2 and not transitions else "0 -> 1"
        raise self.fail(
            errors.bad_schedule(
                call.span,
                f"`{call.function.text}` goes from one number to another",
                label="expected one `a -> b`",
                remedy=f"write `{call.function.text}({example})`",
            )
        )

    # ---- calls

    def bind(self, call: ast.Call, entry: Entry) -> BoundCall:
        """Check the arguments of a call against a signature and fill in defaults."""
        given, failed = self._assign(call, entry)
        # A misspelt name was probably meant for an argument that is missing now: that is not a second mistake.
        is_complete = not failed
        arguments: list[tuple[str, ArgumentValue]] = []
        for argument in entry.arguments:
            values = given.get(argument.name, [])
            if not values and not is_complete:
                continue
            try:
                arguments.append((argument.name, self._value_of(call, entry, argument, values)))
            except Unresolved:
                failed = True
        if failed:
            raise Unresolved
        return BoundCall(entry=entry, arguments=tuple(arguments), span=call.span)

    def _assign(self, call: ast.Call, entry: Entry) -> tuple[dict[str, list[ast.Argument]], bool]:
        """Which given arguments belong to which argument of the signature, and whether one belongs to none."""
        by_name = {argument.name: argument for argument in entry.arguments}
        variadic = next((a.name for a in entry.arguments if a.variadic), None)
        positional = [a.name for a in entry.arguments if a.positional and not a.variadic]
        given: dict[str, list[ast.Argument]] = {}
        failed = False
        waiting = iter(positional)
        for argument in call.arguments:
            if argument.name is not None:
                name: str | None = argument.name.text
            else:
                is_number = self._is_number(argument.value)
                name = variadic or next((n for n in waiting if not (is_number and _is_module(by_name[n]))), None)
            if name is None:
                rest = [a.name for a in entry.arguments if a.name not in given]
                self.report(errors.too_many_arguments(argument.span, entry.name, len(positional), rest))
            elif name not in by_name:
                assert argument.name is not None
                self.report(errors.unknown_argument(argument.name.span, name, entry.name, list(by_name)))
            elif name in given and not (argument.name is None and name == variadic):
                self.report(errors.argument_given_twice(argument.span, entry.name, name))
            else:
                given.setdefault(name, []).append(argument)
                continue
            failed = True
        return given, failed

    def _is_number(self, value: ast.Value) -> bool:
        """Whether a value is written as a number, so that it is none of a module that may be left out before it."""
        match value:
            case ast.Number() | ast.Negative() | ast.Binary():
                return True
            case ast.Reference(name=name, indices=()):
                return name.text in self.parameters and name.text not in self.catalogue.modules
            case _:
                return False

    def _value_of(
        self, call: ast.Call, entry: Entry, argument: Argument, values: Sequence[ast.Argument]
    ) -> ArgumentValue:
        if not values:
            if isinstance(argument.default, Required):
                example = f"{entry.name}({_written(argument)})"
                raise self.fail(errors.missing_argument(call.span, entry.name, argument.name, argument.about, example))
            return _default(argument)
        if argument.variadic:
            return tuple(self._integer(entry, argument, value.value) for value in values)
        value = values[0].value
        word = value.name.text if isinstance(value, ast.Reference) and not value.indices else None
        if word is not None and word in argument.choices:
            return word
        match argument.kind:
            case Kind.NUMBER:
                return self._number(entry, argument, value)
            case Kind.INTEGER:
                return self._integer(entry, argument, value)
            case Kind.BOOLEAN | Kind.CHOICE:
                return self._word(entry, argument, value, word)
            case Kind.RANGE | Kind.INTERVAL:
                return self._pair(entry, argument, value)
            case Kind.ENCODER | Kind.VARIABLE:
                return self._name(entry, argument, value)
            case _:
                return self._entry_of(entry, argument, value)

    def _entry_of(self, entry: Entry, argument: Argument, value: ast.Value) -> ArgumentValue:
        """An argument that is itself a call of the catalogue."""
        if argument.kind is Kind.SOURCE:
            return self._source(entry, argument, value)
        call = as_call(value)
        if call is None:
            raise self._wrong(entry, argument, value, argument.kind.value)
        catalogue = self.catalogue
        match argument.kind:
            case Kind.MODULE:
                return self.module(call, allow_names=argument.name == "network" and isinstance(value, ast.Reference))
            case Kind.CRITIC:
                critics = {name: e for name, e in catalogue.modules.items() if e.role is Role.CRITIC}
                return self.entry_call(call, critics, "critic", "critics")
            case Kind.MEMORY:
                memories = {name: e for name, e in catalogue.modules.items() if e.role is Role.MEMORY}
                if call.function.text not in memories:
                    words = (*argument.choices, "queue(4096)")
                    fixed = quoted_list([f"{argument.name}: {word}" for word in words], conjunction="or")
                    raise self.fail(
                        errors.wrong_argument(
                            value.span,
                            entry.name,
                            argument.name,
                            quoted_list(words, conjunction="or"),
                            remedy=f"write {fixed}",
                        )
                    )
                return self.bind(call, memories[call.function.text])
            case Kind.DISTRIBUTION:
                return self.prior(call)
            case Kind.OPTIMIZER:
                return self.entry_call(call, catalogue.optimizers, "optimizer", "optimizers")
            case _:
                schedules = "learning-rate schedules"
                return self.entry_call(call, catalogue.learning_rates, "learning-rate schedule", schedules)

    def _wrong(self, entry: Entry, argument: Argument, value: ast.Value, expected: str, *, why: str = "") -> Unresolved:
        remedy = f"write for example `{_written(argument)}`"
        return self.fail(errors.wrong_argument(value.span, entry.name, argument.name, expected, why=why, remedy=remedy))

    def _number(self, entry: Entry, argument: Argument, value: ast.Value) -> Scalar | Learned:
        call = as_call(value)
        if argument.learnable and call is not None and call.function.text == LEARNED not in self.parameters:
            return self._learned(entry, argument, call)
        scalar = self.scalar(value, f"`{argument.name}` of `{entry.name}`")
        if not argument.scheduled and not is_constant(scalar):
            raise self.fail(errors.schedule_not_allowed(value.span, f"`{argument.name}` of `{entry.name}`"))
        for number in self.extremes(scalar):
            self._check_range(entry, argument, value, number)
        return scalar

    def _learned(self, entry: Entry, argument: Argument, call: ast.Call) -> Learned:
        """`learned` or `learned(0.07)`; a parameter of that name would be a number as any other."""
        assert isinstance(argument.default, int | float)
        start: float = argument.default
        match call.arguments:
            case ():
                pass
            case (ast.Argument(name=None, value=first),):
                start = self.number(first, f"the start of `{argument.name}`")
                self._check_range(entry, argument, first, start)
            case _:
                expected = f"`{LEARNED}` or `{LEARNED}({argument.default:g})`"
                raise self._wrong(entry, argument, call, expected)
        positive = argument.minimum is not None and argument.minimum >= 0 and argument.open_minimum
        return Learned(start=start, positive=positive, least=argument.learned_minimum)

    def _check_range(self, entry: Entry, argument: Argument, value: ast.Value, number: float) -> None:
        low, high = argument.minimum, argument.maximum
        too_low = low is not None and (number <= low if argument.open_minimum else number < low)
        if too_low or (high is not None and number > high):
            bounds = []
            if low is not None:
                bounds.append(f"{'above' if argument.open_minimum else 'at least'} {_plain(low)}")
            if high is not None:
                bounds.append(f"at most {_plain(high)}")
            words = "".join(f"`{choice}` or " for choice in argument.choices)
            expected = f"{words}{argument.kind.value} {' and '.join(bounds)}"
            why = f"`{argument.name}`: {argument.about}" if argument.about else ""
            raise self._wrong(entry, argument, value, expected, why=why)

    def _integer(self, entry: Entry, argument: Argument, value: ast.Value) -> int:
        number = self.number(value, f"`{argument.name}` of `{entry.name}`")
        if number != int(number):
            raise self._wrong(entry, argument, value, Kind.INTEGER.value)
        self._check_range(entry, argument, value, number)
        return int(number)

    def _word(self, entry: Entry, argument: Argument, value: ast.Value, word: str | None) -> ArgumentValue:
        choices = ("true", "false") if argument.kind is Kind.BOOLEAN else argument.choices
        if word is None or word not in choices:
            expected = quoted_list(choices, conjunction="or")
            fixed = quoted_list([f"{argument.name}: {choice}" for choice in choices], conjunction="or")
            raise self.fail(
                errors.wrong_argument(value.span, entry.name, argument.name, expected, remedy=f"write {fixed}")
            )
        return word == "true" if argument.kind is Kind.BOOLEAN else word

    def _pair(self, entry: Entry, argument: Argument, value: ast.Value) -> tuple[int, ...] | tuple[float, ...]:
        match value:
            case ast.Range(low=low, high=high) if argument.kind is Kind.RANGE:
                whole = (self._integer(entry, argument, low), self._integer(entry, argument, high))
                if whole[0] > whole[1]:
                    remedy = f"write `{high.span.text}..{low.span.text}`"
                    raise self.fail(errors.empty_range(value.span, *whole, remedy=remedy))
                return whole
            case ast.Tuple(items=(low, high)) if argument.kind is Kind.INTERVAL:
                what = f"`{argument.name}` of `{entry.name}`"
                pair = (self.number(low, what), self.number(high, what))
                for side, number in zip((low, high), pair, strict=True):
                    self._check_range(entry, argument, side, number)
                if argument.name != "betas" and pair[0] > pair[1]:
                    fixed = f"write `({high.span.text}, {low.span.text})`"
                    raise self.fail(
                        errors.wrong_argument(
                            value.span, entry.name, argument.name, "the smaller number first", remedy=fixed
                        )
                    )
                return pair
            case _:
                raise self._wrong(entry, argument, value, argument.kind.value)

    def _name(self, entry: Entry, argument: Argument, value: ast.Value) -> EncoderName | VariableName:
        """The name of an encoder, or of a variable."""
        match value:
            case ast.Reference() if argument.kind is Kind.VARIABLE:
                return VariableName(value.span.text, value)
            case _ if argument.kind is Kind.VARIABLE:
                raise self._wrong(entry, argument, value, argument.kind.value)
            case ast.Reference(name=name, indices=()) if name.text in self.module_names:
                return EncoderName(name.text)
            case ast.Reference(name=name, indices=()):
                raise self.fail(undefined_module(name.span, name.text, self.module_names))
            case _:
                raise self._wrong(entry, argument, value, argument.kind.value)

    def entry_call(self, call: ast.Call, table: Mapping[str, Entry], kind: str, plural: str) -> BoundCall:
        """A call of an entry of one table of the catalogue."""
        if call.function.text not in table:
            raise self.fail(errors.unknown_entry(call.function.span, kind, plural, call.function.text, table))
        return self.bind(call, table[call.function.text])

    def module(self, call: ast.Call, *, allow_names: bool = False) -> BoundCall | EncoderName:
        """A network: a call of a builder, or (where allowed) the name of an encoder."""
        name = call.function.text
        if allow_names and name in self.module_names:
            return EncoderName(name)
        networks = {n: e for n, e in self.catalogue.modules.items() if e.role not in {Role.CRITIC, Role.MEMORY}}
        if name not in networks:
            hint = ""
            if name in self.catalogue.distributions:
                hint = f"`{name}` is a distribution, for `~>`; `->` takes a module such as `mlp(512)`"
            elif name in self.catalogue.modules and self.catalogue.modules[name].role is Role.MEMORY:
                hint = f"`{name}` is a memory: `by infonce(negatives: {call.span.text})`"
            elif name in self.catalogue.modules:
                hint = f"`{name}` is a critic: `by jsd(critic: {call.span.text})`"
            elif name in self.module_names:
                hint = (
                    f"`{name}` is an encoder of this spec: to use its weights again write this arrow behind its own, "
                    f"`encoder {name}: A -> B, C -> D`; for a copy write `ema({name})` or `stopgrad({name})`"
                )
            raise self.fail(errors.unknown_entry(call.function.span, "module", "modules", name, networks, hint=hint))
        return self.bind(call, networks[name])

    def distribution(self, call: ast.Call, *, role: str) -> BoundCall:
        """The distribution of a stochastic encoder or a decoder (`role`)."""
        name = call.function.text
        entries = self.catalogue.distributions
        usable = {n: e for n, e in entries.items() if (e.encodes if role == "encoder" else e.decodes)}
        if name in usable:
            return self.bind(call, usable[name])
        whose = "an encoder" if role == "encoder" else "a decoder"
        if name in entries:
            is_only_prior = entries[name].is_prior and not entries[name].decodes
            why = "it is a fixed prior" if is_only_prior else "it has no sample that a gradient can pass"
            if entries[name].learned_prior:
                why = "it has no sample that a gradient can pass to its weights: a component is chosen"
            raise self.fail(errors.wrong_distribution(call.function.span, name, whose, why, sorted(usable)))
        hint = ""
        if name in self.catalogue.modules and role == "encoder":
            hint = (
                f"`{name}` is a module and gives no density: write `gaussian({call.span.text}, dim: 64)`, "
                "or `->` for a deterministic encoder"
            )
        elif name in self.catalogue.modules:
            hint = f"`{name}` is a module and gives no density: write `gaussian({call.span.text})`"
        plural = f"distributions of {whose}"
        raise self.fail(errors.unknown_entry(call.function.span, "distribution", plural, name, usable, hint=hint))

    def prior(self, call: ast.Call) -> BoundCall:
        """A prior such as `normal`, which has no input."""
        priors = {n: e for n, e in self.catalogue.distributions.items() if e.is_prior}
        bound = self.entry_call(call, priors, "prior", "priors")
        if dict(bound.arguments).get("net") is not None:
            network = next(a for a in call.arguments if a.name is None or a.name.text == "net")
            kept = ", ".join(a.span.text for a in call.arguments if a is not network)
            raise self.fail(
                errors.wrong_argument(
                    network.span,
                    bound.name,
                    "net",
                    "no network: a prior has no input",
                    remedy=f"write `{bound.name}({kept})`; for a density given a variable declare a decoder, "
                    f"`decoder r: Y ~> Z = {call.span.text}`, and write `rate(r)`",
                )
            )
        return bound

    def _source(self, entry: Entry, argument: Argument, value: ast.Value) -> str:
        match value:
            case ast.String(value=text):
                return text
            case ast.Reference(name=name, indices=()):
                return name.text
            case ast.Binary() | ast.Call():
                # `digits-halves` reads as a difference; a name of a data set may hold a minus.
                return "".join(value.span.text.split())
            case _:
                raise self._wrong(entry, argument, value, Kind.SOURCE.value)


def undefined_module(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    """A name that should be an encoder or decoder of the spec."""
    return errors.unknown_entry(span, "encoder", "encoders and decoders of this spec", name, known)


def as_call(value: ast.Value | None) -> ast.Call | None:
    """A call, or a bare name as a call without arguments; None for anything else."""
    match value:
        case ast.Call():
            return value
        case ast.Reference(name=name, indices=()):
            return ast.Call(span=value.span, function=name, arguments=())
        case _:
            return None


def _is_module(argument: Argument) -> bool:
    return argument.kind is Kind.MODULE and argument.default is None


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


def _default(argument: Argument) -> ArgumentValue:
    match argument.default:
        case bool() | str() | None as default:
            return default
        case tuple() as pair:
            return pair
        case int() | float() as number:
            if argument.kind is Kind.NUMBER:
                return Constant(number)
            assert isinstance(number, int)
            return number
        case _:
            raise AssertionError(argument)


def _written(argument: Argument) -> str:
    """The argument as it could be written."""
    samples = {
        Kind.NUMBER: "0.5",
        Kind.INTEGER: "128",
        Kind.RANGE: "1..4",
        Kind.INTERVAL: "(0.2, 1)",
        Kind.MODULE: "mlp(512, 128)",
        Kind.CRITIC: "joint(1024, 1024)",
        Kind.DISTRIBUTION: "normal",
        Kind.ENCODER: "f",
        Kind.OPTIMIZER: "adamw(lr: 1e-3)",
        Kind.SCHEDULE: "cosine(warmup: 0.05)",
        Kind.SOURCE: "digits",
        Kind.MEMORY: "queue(4096)",
        Kind.VARIABLE: "Y",
    }
    default = argument.default
    is_number = isinstance(default, int | float) and not isinstance(default, bool)
    sample = f"{default:g}" if is_number else samples.get(argument.kind, str(default))
    return sample if argument.positional or argument.variadic else f"{argument.name}: {sample}"
