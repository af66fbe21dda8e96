"""Which arrow of a decoder estimates a term, and whether its bound may leave an entropy out."""

from collections.abc import Sequence

from mvib.catalogue.signature import Form
from mvib.diagnostics import quoted_list
from mvib.semantics import errors
from mvib.semantics.estimator_choice import EstimatorChoice
from mvib.semantics.families import Assignment, evaluate_index
from mvib.semantics.graph_part import GraphPart
from mvib.semantics.method import Channel, ChannelKind, Gradient, Member, Quantity, QuantityVariable
from mvib.semantics.quantities import members_text, references_of
from mvib.semantics.scope import Unresolved
from mvib.semantics.text import one_line
from mvib.syntax import ast


def find_decoder_channel(
    part: GraphPart, choice: EstimatorChoice, statement: ast.Term, quantity: Quantity, assignment: Assignment
) -> Channel | None:
    """The arrow of the decoder that predicts what the quantity asks for; None when no decoder estimates it."""
    if not choice.decoder:
        return None
    scope, node = part.scope, choice.node
    assert isinstance(node, ast.Reference)
    channels = [c for c in part.decoders if part.modules[c.module].family == choice.decoder]
    is_broken = choice.decoder in part.broken_modules or part.is_broken(references_of(statement.quantity))
    if node.indices:
        values = [evaluate_index(scope, index, assignment) for index in node.indices]
        name = f"{choice.decoder}[{','.join(map(str, values))}]"
        known = [c.module for c in channels]
        channels = [c for c in channels if c.module == name]
        if not channels and not is_broken:
            declared = next(m.span for m in part.modules.values() if m.family == choice.decoder)
            listed = quoted_list(dict.fromkeys(known), most=6)
            raise scope.fail(errors.undefined_member(node.span, name, choice.decoder, listed, declared))
    if is_broken:
        raise Unresolved
    fitting = [c for c in channels if _fits(quantity, c) or _fits_along_path(part, quantity, c)]
    if len({c.module for c in fitting}) > 1:
        raise scope.fail(errors.several_decoders(node.span, choice.decoder, [c.module for c in fitting]))
    if fitting:
        _check_entropy_is_constant(part, statement, quantity, fitting[0])
        return fitting[0]
    nearest = next((c for c in channels if c.target in quantity.members), channels[0])
    condition = members_text(nearest.sources)
    sources = f"({condition})" if len(nearest.sources) > 1 else condition
    raise scope.fail(
        errors.wrong_decoder(
            node.span,
            choice.decoder,
            f"`{nearest.target}` from `{sources}`",
            str(quantity),
            statement.quantity.span,
            remedy=f"ask for `H({nearest.target} | {condition})`, or write a decoder for `{one_line(quantity.span)}`",
        )
    )


def _fits(quantity: Quantity, channel: Channel) -> bool:
    def members(group: Sequence[QuantityVariable]) -> set[Member]:
        return {variable.member for variable in group}

    sources, target = set(channel.sources), {channel.target}
    match quantity.form:
        case Form.CONDITIONAL_ENTROPY:
            return members(quantity.groups[0]) == target and members(quantity.condition) == sources
        case Form.INFORMATION:
            a, b = (members(group) for group in quantity.groups)
            return (a, b) in [(target, sources), (sources, target)]
        case _:
            return False


def _fits_along_path(part: GraphPart, quantity: Quantity, channel: Channel) -> bool:
    """`I[f, g, q](X[1]; T[2]) by q`: the quantity is seen from further up, and its path ends in the decoder."""
    if not quantity.path or quantity.path[-1] != channel.module or len(channel.sources) != 1:
        return False
    match quantity.form:
        case Form.CONDITIONAL_ENTROPY:
            ends = [(quantity.condition, quantity.groups[0])]
        case Form.INFORMATION:
            ends = [(quantity.groups[0], quantity.groups[1]), (quantity.groups[1], quantity.groups[0])]
        case _:
            return False
    return any(
        len(start) == len(end) == 1
        and end[0].member == channel.target
        and channel.sources[0] in _followed(part, start[0].member, quantity.path[:-1])
        for start, end in ends
    )


def _followed(part: GraphPart, start: Member, steps: Sequence[str]) -> set[Member]:
    """Where the channels of some steps lead from a variable."""
    reached = {start}
    for step in steps:
        reached = {c.target for c in part.channels if c.module == step and not reached.isdisjoint(c.sources)}
    return reached


def _moves_in_training(part: GraphPart, member: Member) -> bool:
    """Whether a gradient of the objective reaches what makes a variable."""
    maker = next((c for c in part.channels if c.target == member), None)
    if maker is None or maker.kind is not ChannelKind.ENCODER:
        return False
    if part.modules[maker.module].family in part.broken_modules:
        # What its module was meant to be is not known, and the mistake in it is reported.
        return False
    match part.modules[maker.module].gradient:
        case Gradient.TRAINED:
            return True
        case Gradient.FROZEN:
            return any(_moves_in_training(part, source) for source in maker.sources)
        case Gradient.MOMENTUM | Gradient.STOPPED:
            return False


def _check_entropy_is_constant(part: GraphPart, statement: ast.Term, quantity: Quantity, channel: Channel) -> None:
    """Equation 7 of the review: H(A) may be left out of the Barber-Agakov bound only where nothing trained moves it."""
    if quantity.form is not Form.INFORMATION:
        return
    stopped = any(v.stopped for group in quantity.groups for v in group if v.member == channel.target)
    if stopped or not _moves_in_training(part, channel.target):
        return
    position = next(i for i, group in enumerate(quantity.groups) if group[0].member == channel.target)
    texts = [", ".join(one_line(v.span) for v in group) for group in statement.quantity.groups]
    target, condition = texts[position], texts[1 - position]
    head = ""
    if statement.weight is not None:
        head += f"{one_line(statement.weight.span)} * "
    if statement.aggregation is not None:
        head += f"{one_line(statement.aggregation.span)} "
    decoder = one_line(statement.estimator.span)
    stopped_texts = [f"sg({text})" if i == position else text for i, text in enumerate(texts)]
    fixed = [
        f"minimize {head}H({target} | {condition}) by {decoder}",
        f"maximize {head}I({'; '.join(stopped_texts)}) by {decoder}",
    ]
    raise part.scope.fail(
        errors.dropped_entropy(
            statement.estimator.span, str(channel.target), members_text(channel.sources), channel.module, fixed
        )
    )
