"""collapsed-optimum: a representation that is the same for every example optimises the objective."""

from collections.abc import Iterator, Mapping

from mvib.diagnostics import Diagnostic, Label, Severity, quoted_list
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import Member, Method
from mvib.source import Span
from mvib.syntax import ast
from mvib.theory.collapse import Collapse, MechanismKind, Strength, Verdict, find_collapse

_HELP = {
    MechanismKind.CENTRING: "predict something sharper than the prediction is: `softmax(temperature: 0.04)`",
    MechanismKind.SHARPENING: "take the mean off before: `center()`, or balance the classes: `sinkhorn()`",
    MechanismKind.BALANCE: "predict the balanced assignment by `cross_entropy`, which wants it sure too",
    MechanismKind.EVENNESS: "predict by `cross_entropy`, which wants each prediction sure",
}


def check_collapse(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Diagnostic]:
    """Say where a constant representation is a global optimum.

    An error where nothing speaks against it, a warning where what does is known not to suffice, and a note where it
    holds in practice and no theory says why it must.
    """
    for collapse in find_collapse(method, graph, readings).collapses:
        match collapse.verdict:
            case Verdict.HELD:
                continue
            case Verdict.HELD_BY_ASYMMETRY:
                yield _held_by_asymmetry(method, graph, collapse)
            case Verdict.INSUFFICIENT | Verdict.COLLAPSES:
                yield _collapses(method, graph, collapse)


def _held_by_asymmetry(method: Method, graph: InformationGraph, collapse: Collapse) -> Diagnostic:
    return Diagnostic(
        slug="collapsed-optimum",
        severity=Severity.NOTE,
        title=f"{_names(collapse.constant)} {_is(collapse)} held by asymmetry, no guarantee",
        span=_place(method, collapse),
        label="a constant is predicted perfectly",
        secondary=_made(graph, collapse),
        why=f"training is kept from it by {_spoken(collapse, Strength.PRACTICE)}, as far as is seen; "
        "no theory says that it must be",
        remedy=f"nothing needs to change; for a guarantee, keep an entropy up: {_entropy(collapse)}",
    )


def _collapses(method: Method, graph: InformationGraph, collapse: Collapse) -> Diagnostic:
    is_proved = collapse.verdict is Verdict.COLLAPSES and collapse.simultaneous and collapse.represented
    if collapse.verdict is Verdict.INSUFFICIENT:
        spoken = _spoken(collapse, Strength.INSUFFICIENT)
        what = f"predicted perfectly, and {spoken} alone does not keep training from it"
    else:
        what = "a global optimum, and nothing speaks against it"
    head = "a constant " if len(collapse.constant) == 1 else "constant "
    return Diagnostic(
        slug="collapsed-optimum",
        severity=Severity.ERROR if is_proved else Severity.WARNING,
        title=f"{head}{_names(collapse.constant)} {_is(collapse)} {what}",
        span=_place(method, collapse),
        label="a constant optimises this",
        secondary=_made(graph, collapse),
        why=_why(method, collapse),
        remedy=_remedy(collapse),
    )


def _why(method: Method, collapse: Collapse) -> str:
    """What is made constant, and what that does to the terms."""
    terms, modules = (quoted_list(names, most=4) for names in (collapse.terms, collapse.modules))
    reason = f"where {modules} {'gives' if len(collapse.modules) == 1 else 'give'} the same for every example, "
    if collapse.verdict is Verdict.INSUFFICIENT:
        return f"{reason}nothing is left for {terms} to tell, and training may rest there"
    reason += f"{terms} {'is at its' if len(collapse.terms) == 1 else 'are at their'} best, and so is the objective"
    if not collapse.simultaneous:
        reason += ", each at a spread of the noise of its own"
    if not collapse.represented:
        reason += f"; other terms hold {_names(method.represent)}, which then learns nothing from it"
    return reason


def _remedy(collapse: Collapse) -> str:
    """What is missing where something is there already, and an entropy."""
    kinds = [mechanism.kind for mechanism in collapse.mechanisms]
    offers = [_HELP[kind] for kind in dict.fromkeys(kinds) if kind in _HELP]
    if not offers and collapse.stopped and {MechanismKind.MOMENTUM_TARGET, MechanismKind.STOPPED_TARGET} & {*kinds}:
        target, online = collapse.constant[0], collapse.online[0]
        offers.append(f"put a predictor between: `decoder q: {online} ~> {target} = vmf(mlp(256, 256), kappa: 2)`")
    if not offers and collapse.predictors and not collapse.stopped:
        predictor = quoted_list(collapse.predictors, most=3)
        offers.append(f"stop the gradient into what {predictor} predicts: `sg({collapse.constant[0]})`")
    return "; or ".join([*offers, f"keep an entropy up: {_entropy(collapse)}"])


def _entropy(collapse: Collapse) -> str:
    member = collapse.online[0] if collapse.stopped else collapse.constant[0]
    return f"`maximize H({member}) by variance_covariance()`"


def _spoken(collapse: Collapse, strength: Strength) -> str:
    """The mechanisms of one strength, with the modules that they are: 'a momentum target and a predictor (`q`)'."""
    found: dict[MechanismKind, tuple[str, ...]] = {}
    for mechanism in collapse.mechanisms:
        if mechanism.strength is strength:
            found[mechanism.kind] = (*found.get(mechanism.kind, ()), *mechanism.where)
    texts = []
    for kind, where in found.items():
        names = quoted_list(dict.fromkeys(where), conjunction="and", most=4)
        texts.append(f"{kind.value} ({names})" if names else kind.value)
    return " with ".join(texts)


def _made(graph: InformationGraph, collapse: Collapse) -> tuple[Label, ...]:
    maker = graph.maker(collapse.constant[0])
    return (Label(maker.span, f"makes {_names(collapse.constant[:1])}"),) if maker is not None else ()


def _place(method: Method, collapse: Collapse) -> Span:
    """The first of the terms; of inherited ones the head of the spec that made something else of them."""
    places = {term.label: term.instances[0].quantity.span for term in method.terms}
    spans = [places[label] for label in collapse.terms]
    own = [span for span in spans if span.source is method.source]
    heads = [s.name.span for s in method.spec.statements if isinstance(s, ast.Method)]
    return next(iter([*own, *(head for head in heads if head.source is method.source), *spans]))


def _is(collapse: Collapse) -> str:
    return "is" if len(collapse.constant) == 1 else "are"


def _names(members: tuple[Member, ...]) -> str:
    return quoted_list(map(str, members), most=4)
