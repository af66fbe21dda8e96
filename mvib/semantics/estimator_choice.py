"""What stands behind `by`: an estimator of the catalogue with its arguments, or a decoder of the spec."""

from dataclasses import dataclass

from mvib.catalogue.signature import Argument, EstimatorEntry, Form, Interface, is_learned_prior
from mvib.diagnostics import Diagnostic
from mvib.semantics import errors
from mvib.semantics.families import Assignment, has_unknown_type
from mvib.semantics.graph_part import GraphPart
from mvib.semantics.method import (
    ChannelKind,
    Family,
    Member,
    Module,
    Quantity,
    RateReference,
    ReferenceKind,
    VariableKind,
)
from mvib.semantics.quantities import members_text, references_of
from mvib.semantics.scope import Unresolved, as_call, undefined_module
from mvib.semantics.text import one_line
from mvib.semantics.values import BoundCall, VariableName
from mvib.syntax import ast


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatorChoice:
    """An entry of the catalogue, or a decoder.

    Attributes:
        node: what stands behind `by`.
        entry: the estimator; None for a decoder.
        call: the estimator with its arguments.
        decoder: name of the decoder's family.
        rate_prior: the prior of a `rate`.
        rate_name: the decoder or encoder of a `rate`.
        rate_at: the variable that the encoder of a `rate` is applied to.
    """

    node: ast.Reference | ast.Call
    entry: EstimatorEntry | None = None
    call: BoundCall | None = None
    decoder: str = ""
    rate_prior: BoundCall | None = None
    rate_name: str = ""
    rate_at: ast.Reference | None = None


def find_estimator(part: GraphPart, statement: ast.Term) -> EstimatorChoice:
    """The estimator or decoder that a term names."""
    scope, node = part.scope, statement.estimator
    name = node.name if isinstance(node, ast.Reference) else node.function
    modules = _families(part)
    if name.text in modules and modules[name.text].kind is ChannelKind.DECODER:
        if isinstance(node, ast.Call):
            title, remedy = "no arguments: it is a decoder of this spec", f"write `by {name.text}`"
            raise scope.fail(errors.wrong_argument(node.span, name.text, "", title, remedy=remedy))
        return EstimatorChoice(node=node, decoder=name.text)
    entry = scope.catalogue.estimators.get(name.text)
    if entry is None:
        if name.text in part.broken_modules and name.text not in modules:
            raise Unresolved
        raise scope.fail(_unknown_estimator(part, name))
    call = as_call(node)
    if call is None:
        raise scope.fail(errors.index_on_estimator(node.span, name.text))
    if entry.interface is Interface.DECODER:
        return _find_decoder(part, entry, call)
    if not entry.differentiable:
        raise scope.fail(errors.estimator_without_gradient(node.span, name.text, _alternatives(part, entry)))
    if entry.interface is Interface.RATE:
        return _find_rate(part, statement, entry, call)
    return EstimatorChoice(node=node, entry=entry, call=scope.bind(call, entry))


def _find_decoder(part: GraphPart, entry: EstimatorEntry, call: ast.Call) -> EstimatorChoice:
    """`barber_agakov(q)` is `q`."""
    scope = part.scope
    decoders = {m.family for m in part.modules.values() if m.kind is ChannelKind.DECODER}
    match call.arguments:
        case (ast.Argument(value=ast.Reference(name=name) as reference),) if name.text in decoders:
            return EstimatorChoice(node=reference, decoder=name.text)
        case (ast.Argument(value=ast.Reference(name=name)),) if name.text in part.broken_modules:
            raise Unresolved
        case (argument,):
            example = f"write `{entry.name}({min(decoders)})`" if decoders else "declare one: `decoder q: B ~> A = ...`"
            expected = "the name of a decoder"
            raise scope.fail(
                errors.wrong_argument(argument.value.span, entry.name, "decoder", expected, remedy=example)
            )
        case _:
            # Says what is missing, or what is too much.
            scope.bind(call, entry)
            raise Unresolved


def _alternatives(part: GraphPart, entry: EstimatorEntry) -> list[str]:
    """Estimators of the same quantities that a gradient passes."""
    others = part.scope.catalogue.estimators.values()
    return [other.name for other in others if other.differentiable and set(other.forms) & set(entry.forms)]


def _families(part: GraphPart) -> dict[str, Module]:
    return {module.family: module for module in part.modules.values()}


def _unknown_estimator(part: GraphPart, name: ast.Name) -> Diagnostic:
    catalogue = part.scope.catalogue
    decoders = sorted(m.family for m in _families(part).values() if m.kind is ChannelKind.DECODER)
    hint = ""
    if name.text in catalogue.distributions:
        hint = f"`{name.text}` is a distribution: declare `decoder q: B ~> A = {name.text}(...)` and write `by q`"
    elif name.text in _families(part):
        hint = f"`{name.text}` is an encoder; a term is estimated by an estimator or a decoder"
    known = [*catalogue.estimators, *decoders]
    return errors.unknown_entry(name.span, "estimator", "estimators", name.text, known, hint=hint)


def _find_rate(part: GraphPart, statement: ast.Term, entry: EstimatorEntry, call: ast.Call) -> EstimatorChoice:
    """`rate(normal)`, `rate(DECODER)`, `rate(ENCODER: VARIABLE)`."""
    scope, modules, node = part.scope, _families(part), statement.estimator
    given = [one_line(variable.span) for variable in statement.quantity.condition]
    arguments = {argument.name for argument in entry.arguments}
    keyed = [a for a in call.arguments if a.name is not None and a.name.text not in arguments]
    first = next((a for a in call.arguments if a.name is None or a.name.text == "reference"), None)
    word = first.value.name if first is not None and isinstance(first.value, ast.Reference) else None
    if keyed and keyed[0].name is not None:
        chosen, name, at = keyed[0], keyed[0].name, keyed[0].value
        if name.text in part.broken_modules:
            raise Unresolved
        if name.text not in modules or modules[name.text].kind is not ChannelKind.ENCODER:
            encoders = [m.family for m in modules.values() if m.kind is ChannelKind.ENCODER and m.stochastic]
            raise scope.fail(undefined_module(name.span, name.text, encoders))
        if not modules[name.text].stochastic:
            raise scope.fail(errors.deterministic_reference(name.span, name.text, modules[name.text].span))
        if not isinstance(at, ast.Reference):
            expected = "the variable that the encoder is applied to"
            raise scope.fail(
                errors.wrong_argument(
                    at.span, "rate", name.text, expected, remedy=f"write `{name.text}: {(given or ['X'])[0]}`"
                )
            )
        bound = scope.bind(_with_placeholder(call, chosen), entry)
        return EstimatorChoice(node=node, entry=entry, call=bound, rate_name=name.text, rate_at=at)
    if first is not None and word is not None and word.text in scope.module_names:
        if word.text in part.broken_modules:
            raise Unresolved
        if modules[word.text].kind is not ChannelKind.DECODER:
            raise scope.fail(errors.encoder_without_variable(word.span, word.text, given))
        return EstimatorChoice(
            node=node, entry=entry, call=scope.bind(_with_placeholder(call, first), entry), rate_name=word.text
        )
    bound = scope.bind(call, entry)
    prior = bound["reference"]
    assert isinstance(prior, BoundCall)
    return EstimatorChoice(node=node, entry=entry, call=bound, rate_prior=prior)


def _with_placeholder(call: ast.Call, chosen: ast.Argument) -> ast.Call:
    """The call with a prior in the place of a decoder or encoder of the spec, which is no entry of the catalogue."""
    prior = ast.Reference(span=chosen.span, name=ast.Name(span=chosen.span, text="normal"))
    placeholder = ast.Argument(span=chosen.span, name=None, value=prior)
    others = tuple(argument for argument in call.arguments if argument is not chosen)
    return ast.Call(span=call.span, function=call.function, arguments=(placeholder, *others))


def index_domains(part: GraphPart, choice: EstimatorChoice) -> dict[str, set[int]]:
    """Values of the indices that what stands behind `by` uses: `by q[k]`, `by rate(e: X[j])`."""
    if choice.rate_at is not None:
        return part.variables.domains([choice.rate_at])
    domains: dict[str, set[int]] = part.variables.domains([value.reference for _, value in _variables_of(choice)])
    if choice.decoder and isinstance(choice.node, ast.Reference):
        domains |= _module_domains(part, choice.node)
    return {name: values for name, values in domains.items() if values}


def path_domains(part: GraphPart, quantity: ast.Quantity) -> dict[str, set[int]]:
    """Values of the indices that the path of a quantity uses: `I[q[k]](C[t]; Z[t+k])`."""
    domains: dict[str, set[int]] = {}
    for step in quantity.path:
        for name, values in _module_domains(part, step).items():
            domains[name] = domains.get(name, values) & values
    return {name: values for name, values in domains.items() if values}


def _module_domains(part: GraphPart, module: ast.Reference) -> dict[str, set[int]]:
    members = [_index_of(m) for m in part.modules.values() if m.family == module.name.text]
    return {
        index.name.text: {member[position] for member in members if position < len(member)}
        for position, index in enumerate(module.indices)
        if isinstance(index, ast.Reference) and not index.indices and index.name.text not in part.scope.parameters
    }


def _index_of(module: Module) -> tuple[int, ...]:
    inside = module.name[len(module.family) + 1 : -1]
    return tuple(int(number) for number in inside.split(",")) if inside else ()


# ---- what an estimator takes -------------------------------------------------------------------------------------


def check_estimator(part: GraphPart, choice: EstimatorChoice, statement: ast.Term, quantity: Quantity) -> None:
    """The estimator estimates this form of quantity, and can take its variables."""
    entry, scope = choice.entry, part.scope
    if entry is None:
        return
    place = statement.quantity.span
    if quantity.form not in entry.forms:
        usable = scope.catalogue.estimators.items()
        others = [name for name, e in usable if quantity.form in e.forms and e.differentiable]
        forms = [form.value for form in entry.forms]
        raise scope.fail(errors.wrong_quantity(choice.node.span, entry.name, one_line(place), forms, others, place))
    if part.is_broken(references_of(statement.quantity)):
        return
    if quantity.prior is not None and not entry.draws_prior and quantity.prior.name != "normal":
        prior = one_line(quantity.prior.span)
        needs = "compares with the standard normal distribution only"
        remedy = f"write `{one_line(place).replace(prior, 'normal')}`"
        raise scope.fail(
            errors.wrong_operand(choice.node.span, entry.name, needs, prior, "another prior", place, remedy=remedy)
        )
    if (
        quantity.prior is not None
        and entry.interface is Interface.DISCRIMINATOR
        and is_learned_prior(quantity.prior.entry)
    ):
        prior = one_line(quantity.prior.span)
        needs = "compares with a fixed prior"
        remedy = f"write `{one_line(place).replace(prior, 'normal')}`, or `by mmd()`"
        raise scope.fail(
            errors.wrong_operand(
                choice.node.span, entry.name, needs, prior, "trained with the objective", place, remedy=remedy
            )
        )
    match entry.interface:
        case Interface.LABELS:
            _check_label_first(part, entry, choice, quantity, statement)
        case Interface.ROWS if quantity.form in entry.labelled:
            _check_label_last(part, entry, choice, quantity, statement)
        case Interface.ROWS | Interface.CRITIC | Interface.CONDITIONAL | Interface.DISCRIMINATOR:
            _check_no_label(part, entry, choice, quantity, statement)
        case Interface.RATE | Interface.DECODER:
            # What these take is seen in the graph: see `mvib.graph.readings` and `decoder_choice`.
            return


def _family(part: GraphPart, member: Member) -> Family:
    return part.variables.families[f"{member.family}[]" if member.index else member.family]


def _described(family: Family) -> str:
    if family.kind in {VariableKind.DATA, VariableKind.VIEW}:
        return f"of type `{family.type}`"
    return "a representation"


def _check_label_first(
    part: GraphPart, entry: EstimatorEntry, choice: EstimatorChoice, quantity: Quantity, statement: ast.Term
) -> None:
    """H(Y | Z) with one label Y, or rows of probabilities, and one row of logits Z."""
    (labels, *_), logits = quantity.groups, quantity.condition
    label = _family(part, labels[0].member)
    needs = "is about a label, or probabilities of one, given one row of logits"
    remedy = "write `minimize H(Y | Z) by cross_entropy()` with a label `Y` and an encoder's output `Z`"
    wrong: tuple[str, str] | None = None
    if len(labels) > 1 or len(logits) > 1:
        wrong = members_text([v.member for v in (labels if len(labels) > 1 else logits)]), "a joint variable"
        remedy = "join them with an encoder first: `encoder j: (A, B) -> C = linear(10)`"
    elif has_unknown_type(label):
        return
    elif label.kind in {VariableKind.DATA, VariableKind.VIEW} and label.type != "label":
        wrong = str(labels[0].member), _described(label)
    elif _family(part, logits[0].member).type == "label":
        wrong = str(logits[0].member), "a label too"
    if wrong is not None:
        raise part.scope.fail(
            errors.wrong_operand(choice.node.span, entry.name, needs, *wrong, statement.quantity.span, remedy=remedy)
        )


def _check_label_last(
    part: GraphPart, entry: EstimatorEntry, choice: EstimatorChoice, quantity: Quantity, statement: ast.Term
) -> None:
    """I(Z; Y) or H(Z | Y) with one label Y."""
    last = quantity.condition or quantity.groups[-1]
    families = [(member, _family(part, member)) for member in quantity.members]
    wrong = [(m, f) for m, f in families if (f.type == "label") != (m == last[0].member) and not has_unknown_type(f)]
    if len(last) == 1 and not wrong:
        return
    member, family = wrong[0] if wrong else families[-1]
    needs = f"takes `{quantity.form.value}` with rows of real numbers A and a label B"
    example = "I(Z; Y)" if quantity.functional == "I" else "H(Z | Y)"
    raise part.scope.fail(
        errors.wrong_operand(
            choice.node.span,
            entry.name,
            needs,
            str(member),
            "a label" if family.type == "label" else _described(family),
            statement.quantity.span,
            remedy=f"write `{example}` with a label `Y` of the data",
        )
    )


def _check_no_label(
    part: GraphPart, entry: EstimatorEntry, choice: EstimatorChoice, quantity: Quantity, statement: ast.Term
) -> None:
    """Rows of real numbers: a label is none. One that a path starts from reaches its channels, and no estimator."""
    is_followed = bool(quantity.path) and quantity.form is Form.CONDITIONAL_ENTROPY
    started = {variable.member for variable in quantity.condition} if is_followed else set()
    for member in quantity.members:
        if member not in started and _family(part, member).type == "tokens":
            raise part.scope.fail(
                errors.wrong_operand(
                    choice.node.span,
                    entry.name,
                    "takes rows of real numbers",
                    str(member),
                    "of tokens, whole numbers that stand for words",
                    statement.quantity.span,
                    remedy=f"ask for a code of it: `encoder w: {member} -> W = embedding(64, vocabulary: 1000)`",
                )
            )
        if member not in started and _family(part, member).type == "label":
            others = [m for m in quantity.members if m != member]
            behind = f" | {members_text(others)}" if others else ""
            remedy = f"for a label write `minimize H({member}{behind}) by cross_entropy()`, or a `categorical` decoder"
            raise part.scope.fail(
                errors.wrong_operand(
                    choice.node.span,
                    entry.name,
                    "takes rows of real numbers",
                    str(member),
                    "a label",
                    statement.quantity.span,
                    remedy=remedy,
                )
            )


def _variables_of(choice: EstimatorChoice) -> list[tuple[Argument, VariableName]]:
    if choice.call is None:
        return []
    arguments = {argument.name: argument for argument in choice.call.entry.arguments}
    return [(arguments[name], value) for name, value in choice.call.arguments if isinstance(value, VariableName)]


def find_variables(
    part: GraphPart, choice: EstimatorChoice, assignment: Assignment
) -> tuple[tuple[str, Member], ...] | None:
    """The variables among an estimator's arguments for one assignment; None where one falls outside its family."""
    found: list[tuple[str, Member]] = []
    for argument, value in _variables_of(choice):
        member = part.variables.member(value.reference, assignment)
        if member is None:
            return None
        family = _family(part, member)
        if argument.is_label != (family.type == "label") and not has_unknown_type(family):
            needs = f"takes a label as its `{argument.name}`" if argument.is_label else "takes rows of real numbers"
            what = _described(family) if family.type != "label" else "a label"
            remedy = f"`{argument.name}`: {argument.about}"
            assert choice.entry is not None
            raise part.scope.fail(
                errors.wrong_operand(
                    choice.node.span, choice.entry.name, needs, str(member), what, value.reference.span, remedy=remedy
                )
            )
        found.append((argument.name, member))
    return tuple(found)


def find_rate_reference(part: GraphPart, choice: EstimatorChoice, assignment: Assignment) -> RateReference | None:
    """What a rate is measured against, for one assignment; None when that falls outside its family."""
    if choice.rate_at is not None:
        at = part.variables.member(choice.rate_at, assignment)
        return RateReference(kind=ReferenceKind.ENCODER, name=choice.rate_name, at=at) if at is not None else None
    if choice.rate_name:
        return RateReference(kind=ReferenceKind.DECODER, name=choice.rate_name)
    assert choice.rate_prior is not None
    return RateReference(kind=ReferenceKind.PRIOR, name=choice.rate_prior.name)
