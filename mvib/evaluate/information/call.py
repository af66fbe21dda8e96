"""An estimator with arguments that were given in Python or on the command line."""

from collections.abc import Mapping

from mvib.catalogue import Catalogue
from mvib.catalogue.signature import EstimatorEntry, Form, Interface, Kind, ModuleEntry, Required, Role
from mvib.diagnostics import Diagnostic, nearest
from mvib.semantics.scope import Scope, Unresolved, as_call
from mvib.semantics.values import BoundCall
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
    meant = nearest(name, usable)
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
        raise ValueError(_text(next(iter(scope.found)))) from None
    for name, value in bound.arguments:
        if isinstance(value, BoundCall) and isinstance(value.entry, ModuleEntry) and value.entry.role is Role.MEMORY:
            raise ValueError(
                f"`{name}: {value.text()}` of `{entry.name}` remembers the batches of a training run, and samples are "
                "one batch: leave it out, or write a spec, and train it"
            )
    return bound


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _text(diagnostic: Diagnostic) -> str:
    return diagnostic.title + (f"; {diagnostic.remedy}" if diagnostic.remedy else "")
