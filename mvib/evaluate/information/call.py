"""An estimator with arguments that were given in Python or on the command line."""

import inspect
from collections.abc import Mapping

from mvib.catalogue import Catalogue
from mvib.catalogue.signature import EstimatorEntry, Form, Interface, Kind, ModuleEntry, Required, Role
from mvib.compile.networks import import_object
from mvib.diagnostics import Diagnostic, nearest, quoted_list
from mvib.semantics.scope import Scope, Unresolved, as_call
from mvib.semantics.values import BoundCall, Scalar, is_constant
from mvib.source import SourceFile
from mvib.syntax import ast
from mvib.syntax.parser import parse_source

# What is trained where nothing else is asked for: enough for information of a few nats in a few dimensions.
_DEFAULT_CRITIC = "separable(256, 256)"
_DEFAULT_NET = "mlp(128, norm: none)"

_NEEDS_MODEL = {
    Interface.RATE: "the density of a stochastic encoder",
    Interface.DECODER: "a decoder",
    Interface.DISCRIMINATOR: "a discriminator that is trained along with an encoder",
}


# What papers call an estimator that has another name here.
_CALLED = {"mine": "dv` with `ema: 0.99", "nce": "infonce", "barlow": "cross_correlation"}


def find_entry(catalogue: Catalogue, name: str) -> EstimatorEntry:
    """The estimator of a name that can measure samples.

    Raises:
        ValueError: there is none, or it needs more than samples.
    """
    usable = {n: e for n, e in catalogue.estimators.items() if e.interface not in _NEEDS_MODEL and not e.memory}
    if name in usable:
        return usable[name]
    if name in catalogue.estimators:
        needs = _NEEDS_MODEL.get(catalogue.estimators[name].interface, "the earlier batches of a training run")
        raise ValueError(f"`{name}` needs {needs}, which arrays do not have: write a spec, and train it")
    if "(" in name:
        inside = name.partition("(")[2].rstrip(")").replace(": ", "=").replace(":", "=").split(",")
        words = " ".join(f"--set {word.strip()}" for word in inside if word.strip())
        raise ValueError(f"`{name}` is a call; arguments stand on their own: `{name.partition('(')[0]}` with `{words}`")
    meant = _CALLED.get(name.casefold()) or nearest(name, usable)
    raise ValueError(
        f"there is no estimator `{name}`; there are {', '.join(sorted(usable))}"
        + (f"; did you mean `{meant}`?" if meant else "")
    )


def form_of(entry: EstimatorEntry, num_variables: int) -> Form:
    """Which of its quantities an estimator is asked for.

    Raises:
        ValueError: none is of so many variables.
    """
    wanted: dict[int, tuple[Form, ...]] = {
        1: (Form.ENTROPY, Form.DIVERGENCE),
        2: (Form.INFORMATION, Form.CONDITIONAL_ENTROPY, *(() if entry.joins else (Form.ENTROPY,))),
    }
    for form in wanted[num_variables]:
        if form in entry.forms:
            return form
    estimates = " or ".join(form.value for form in entry.forms)
    other = 2 if num_variables == 1 else 1
    remedy = "give the second one too (`--y`, or `y=`)" if other == 2 else "leave the second one out"
    raise ValueError(f"`{entry.name}` estimates {estimates}, which takes {other} array{'s'[: other - 1]}: {remedy}")


def bind_arguments(
    catalogue: Catalogue, entry: EstimatorEntry, arguments: Mapping[str, object], *, defaults: bool = True
) -> BoundCall:
    """The estimator's call: arguments are checked as those of a spec are.

    Args:
        catalogue: what may be called.
        entry: the estimator.
        arguments: by name; numbers, words, or text as in a spec: `"joint(64, 64)"`.
        defaults: whether a critic or density that is left out is given one.

    Raises:
        ValueError: an argument does not exist, or cannot have this value; says what it can have. It needs more than
            one batch.
    """
    given = {name: _written(value) for name, value in arguments.items()}
    for argument in entry.arguments:
        if argument.kind is Kind.VARIABLE and argument.name in given:
            raise ValueError(f"`{argument.name}` of `{entry.name}` is a variable of a spec: leave it out, or write one")
        if argument.name in given or not defaults:
            continue
        if argument.name == "critic" and isinstance(argument.default, Required):
            given["critic"] = _DEFAULT_CRITIC
        if argument.name == "net" and entry.interface is Interface.CONDITIONAL:
            given["net"] = _DEFAULT_NET
    listed = ", ".join(f"{name}: {text}" for name, text in given.items())
    parsed = parse_source(SourceFile("arguments", f"method M maximize H(A) by {entry.name}({listed})"))
    if parsed.diagnostics:
        raise ValueError(f"`{entry.name}({listed})` cannot be read: {parsed.diagnostics[0].title}")
    scope = Scope(catalogue=catalogue)
    term = next(s for s in parsed.spec.statements if isinstance(s, ast.Term))
    call = as_call(term.estimator)
    assert call is not None
    try:
        bound = scope.bind(call, entry)
    except Unresolved:
        raise ValueError(_unbound(scope, entry, given)) from None
    _check_constant(bound)
    _check_taken(entry, given)
    for name, value in bound.arguments:
        if isinstance(value, BoundCall) and isinstance(value.entry, ModuleEntry) and value.entry.role is Role.MEMORY:
            raise ValueError(
                f"`{name}: {value.text()}` of `{entry.name}` remembers the batches of a training run, and samples are "
                "one batch: leave it out, or write a spec, and train it"
            )
    return bound


def _unbound(scope: Scope, entry: EstimatorEntry, given: Mapping[str, str]) -> str:
    """What is wrong with the arguments."""
    if scope.found:
        return _text(next(iter(scope.found)))
    word = next(iter((*scope.parameter_uses, *scope.variable_uses)), "")
    name = next((name for name, text in given.items() if word in text), "")
    argument = next((a for a in entry.arguments if a.name == name), None)
    takes = ""
    if argument is not None:
        takes = quoted_list(argument.choices, conjunction="or") if argument.choices else argument.kind.value
    said = f"`{word}` in `{name}: {given.get(name, '')}` of `{entry.name}` is no word of it"
    return f"{said}; `{name}` takes {takes}" if takes else said


def _check_constant(call: BoundCall) -> None:
    for name, value in call.arguments:
        if isinstance(value, BoundCall):
            _check_constant(value)
        elif isinstance(value, Scalar) and not is_constant(value):
            raise ValueError(
                f"`{name}` of `{call.name}` follows a schedule, and arrays have no training: give a number"
            )


def _check_taken(entry: EstimatorEntry, given: Mapping[str, str]) -> None:
    """A critic takes the place of the similarity, and of the words that are about that."""
    if "critic" not in given or not entry.with_critic:
        return
    taken = inspect.signature(import_object(entry.with_critic)).parameters
    ignored = [name for name in given if name != "critic" and name not in taken]
    if ignored:
        listed = quoted_list(ignored)
        raise ValueError(f"with a `critic`, `{entry.name}` has no use for {listed}: leave one of them out")


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _text(diagnostic: Diagnostic) -> str:
    return diagnostic.title + (f"; {diagnostic.remedy}" if diagnostic.remedy else "")
