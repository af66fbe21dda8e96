"""Mistakes in terms: quantities, aggregations, weights, estimators."""

from collections.abc import Sequence

from mvib.diagnostics import Diagnostic, Label, quoted_list
from mvib.semantics.errors.wording import suggest
from mvib.source import Span


def missing_aggregation(span: Span, indices: Sequence[str], fixed: Sequence[str]) -> Diagnostic:
    """A free index in a term.

    Args:
        span: the quantity, or the aggregation that leaves an index out.
        indices: the free indices.
        fixed: texts that can be pasted in its place.
    """
    one = len(indices) == 1
    word = "index" if one else "indices"
    return Diagnostic(
        slug="missing-aggregation",
        title=f"the {word} {quoted_list(indices)} of this term {'is' if one else 'are'} free: "
        f"say how {'its' if one else 'their'} values are put together",
        span=span,
        label=f"one quantity for each value of {quoted_list(indices)}",
        why="a term is one number",
        remedy="write " + quoted_list(fixed, conjunction="or"),
    )


def index_not_in_quantity(span: Span, index: str, quantity: str, in_use: Sequence[str]) -> Diagnostic:
    """An aggregation over an index that does not occur."""
    return Diagnostic(
        slug="bad-aggregation",
        title=f"the index `{index}` does not occur in the quantity",
        span=span,
        label="nothing depends on it",
        remedy=f"`{quantity}` has the {'index' if len(in_use) == 1 else 'indices'} {quoted_list(in_use)}"
        if in_use
        else f"`{quantity}` has no free index: delete the aggregation",
    )


def nothing_left(span: Span, *, remedy: str) -> Diagnostic:
    """An aggregation whose condition no value fulfils."""
    return Diagnostic(
        slug="bad-aggregation",
        title="no values of the indices are left",
        span=span,
        label="nothing to put together",
        remedy=remedy,
    )


def always_outside(span: Span, quantity: str) -> Diagnostic:
    """An aggregation whose index arithmetic leaves the families for every value."""
    return Diagnostic(
        slug="bad-aggregation",
        title=f"the indices of `{quantity}` lie outside their families for every value",
        span=span,
        label="nothing to put together",
        why="pairs that index arithmetic moves outside a family are left out, and here all of them are",
        remedy="make the step of the arithmetic smaller, or the family larger",
    )


def bad_quantity(span: Span, title: str, *, label: str = "", why: str = "", remedy: str) -> Diagnostic:
    """A quantity with the wrong arguments."""
    return Diagnostic(slug="bad-quantity", title=title, span=span, label=label, why=why, remedy=remedy)


def same_variable_twice(span: Span, name: str, *, several: bool) -> Diagnostic:
    """`I(Z; Z)`."""
    return bad_quantity(
        span,
        f"`{name}` occurs twice in this quantity",
        label="the same variable on both sides",
        why="I(A; A) is H(A), and H(A | A) is 0",
        remedy="leave equal indices out, as in `mean(i != j)`" if several else "name two different variables",
    )


def wrong_quantity(
    span: Span, estimator: str, found: str, forms: Sequence[str], others: Sequence[str], quantity: Span
) -> Diagnostic:
    """An estimator asked for a quantity it does not estimate."""
    return Diagnostic(
        slug="wrong-quantity",
        title=f"`{estimator}` estimates {quoted_list(forms, conjunction='or')}, not `{found}`",
        span=span,
        label=f"cannot estimate `{found}`",
        secondary=(Label(quantity, "the quantity asked for"),),
        remedy=f"`{found}` is estimated by {quoted_list(others, conjunction='or')}"
        if others
        else f"no estimator of this release takes `{found}`: ask for {quoted_list(forms, conjunction='or')}",
    )


def estimator_without_gradient(span: Span, estimator: str, others: Sequence[str]) -> Diagnostic:
    """A term by an estimator that is only for measuring."""
    return Diagnostic(
        slug="term-without-gradient",
        title=f"`{estimator}` measures samples and has no gradient: no term can be trained by it",
        span=span,
        label="for measuring only",
        why=f"`mvib estimate {estimator}` measures arrays",
        remedy=f"use one that has a gradient: {quoted_list(others, conjunction='or')}",
    )


def wrong_operand(
    span: Span, estimator: str, needs: str, name: str, what: str, quantity: Span, *, remedy: str
) -> Diagnostic:
    """An estimator asked for a quantity of variables that it cannot take."""
    return Diagnostic(
        slug="wrong-operand",
        title=f"`{estimator}` {needs}, and `{name}` is {what}",
        span=span,
        label=f"cannot take `{name}`",
        secondary=(Label(quantity, "the quantity asked for"),),
        remedy=remedy,
    )


def wrong_decoder(span: Span, decoder: str, predicts: str, asked: str, quantity: Span, *, remedy: str) -> Diagnostic:
    """A decoder asked for a quantity between other variables."""
    return Diagnostic(
        slug="wrong-decoder",
        title=f"the decoder `{decoder}` predicts {predicts}, and the term asks for `{asked}`",
        span=span,
        label="does not fit the quantity",
        secondary=(Label(quantity, "the quantity asked for"),),
        remedy=remedy,
    )


def several_decoders(span: Span, decoder: str, fitting: Sequence[str]) -> Diagnostic:
    """A family of decoders of which several predict the same from the same."""
    return Diagnostic(
        slug="wrong-decoder",
        title=f"several members of the decoder family `{decoder}` fit this quantity",
        span=span,
        label="which member is meant?",
        remedy="write " + quoted_list([f"by {name}" for name in fitting], most=4, conjunction="or"),
    )


def deterministic_reference(span: Span, encoder: str, declared: Span) -> Diagnostic:
    """A rate against an encoder without a density."""
    return Diagnostic(
        slug="infinite-information",
        title=f"`{encoder}` is deterministic, so it gives no density to measure a rate against",
        span=span,
        label="drawn with `->`",
        secondary=(Label(declared, "declared here"),),
        why="a deterministic encoder puts all its probability on one point",
        remedy=f"write `rate(normal)`, or make it stochastic: `encoder {encoder}: A ~> B = gaussian(mlp(512))`",
    )


def encoder_without_variable(span: Span, encoder: str, given: Sequence[str]) -> Diagnostic:
    """`rate(e)` with an encoder."""
    return Diagnostic(
        slug="wrong-argument",
        title=f"`rate` takes an encoder together with the variable it is applied to, and `{encoder}` stands alone",
        span=span,
        label="an encoder",
        remedy=f"write `rate({encoder}: {given[0]})`, or `rate(normal)` for a prior"
        if given
        else f"write `rate(normal)` for a prior; `rate({encoder}: B)` is for `I(A; Z | B)`",
    )


def dropped_entropy(span: Span, variable: str, condition: str, decoder: str, fixed: Sequence[str]) -> Diagnostic:
    """Barber-Agakov about a learned variable: its entropy is no constant.

    Args:
        span: the decoder behind `by`.
        variable: what it predicts.
        condition: what it predicts from.
        decoder: its name.
        fixed: terms to write instead: the conditional entropy, and the stopped gradient.
    """
    return Diagnostic(
        slug="dropped-entropy",
        title=f"H({variable}) is not constant, so `{decoder}` alone does not bound this information from below",
        span=span,
        label=f"the bound is H({variable}) + E log {decoder}({variable} | {condition})",
        why=f"{variable} is learned: leaving H({variable}) out lets the representation collapse (review, equation 7)",
        remedy=f"write `{fixed[0]}` and push H({variable}) up with a term of its own, "
        f"or stop the gradient: `{fixed[1]}`",
    )


def not_weighted(span: Span, name: str) -> Diagnostic:
    """A weight of examples for an estimator that does not take each on its own."""
    return Diagnostic(
        slug="not-weighted",
        title=f"`{name}` gives every example the same weight",
        span=span,
        label="weighs examples",
        why="only the log-likelihood of a decoder and a rate take each example on its own",
        remedy="leave `weighted by` out, or estimate the quantity by a decoder",
    )


def bad_weight(span: Span, text: str, direction: str, *, always: bool) -> Diagnostic:
    """A weight that is negative, from the start or later in training."""
    other = "minimize" if direction == "maximize" else "maximize"
    if not always:
        remedy = "let the schedule start and end at 0 or above"
    elif text.startswith("-"):
        remedy = f"write `{other} {text[1:].strip()} * ...`"
    else:
        remedy = f"write `{other}`, and the weight with the other sign"
    return Diagnostic(
        slug="bad-weight",
        title=f"the weight `{text}` is negative{'' if always else ' for a part of training'}",
        span=span,
        label="a weight is at least 0",
        why="the sign of a term is said by `maximize` and `minimize`, so that bounds can be checked",
        remedy=remedy,
    )


def broken_path(span: Span, title: str, *, label: str, remedy: str) -> Diagnostic:
    """A path through channels that are not there or do not join."""
    return Diagnostic(slug="broken-path", title=title, span=span, label=label, remedy=remedy)


def unknown_step(span: Span, name: str, known: Sequence[str]) -> Diagnostic:
    """A path through a channel that does not exist."""
    return broken_path(
        span,
        f"there is no channel `{name}` to follow",
        label="not a view, encoder or decoder of this spec",
        remedy=suggest(name, known, "channels", otherwise="a path names them in the order in which they are followed"),
    )


def empty_subset(span: Span, variable: str, fixed: str) -> Diagnostic:
    """A term about a variable on the examples that do not have it."""
    return Diagnostic(
        slug="empty-subset",
        title=f"this term is about `{variable}`, and is taken where `{variable}` is missing",
        span=span,
        label="no example is left",
        remedy=f"write `{fixed}`, or leave `on ...` out: a term averages over the examples that have its variables",
    )


def unknown_subset(span: Span, name: str) -> Diagnostic:
    """`on` something that is no subset."""
    return Diagnostic(
        slug="unknown-subset",
        title=f"there is no subset `{name}`",
        span=span,
        label="expected `labelled` or `unlabelled`",
        remedy="write `on labelled` or `on unlabelled`; with several partial variables, `on labelled(Y)`",
    )


def subset_without_partial(span: Span) -> Diagnostic:
    """`on labelled` in a spec where everything is labelled."""
    return Diagnostic(
        slug="subset-without-partial",
        title="no data variable is `partial`, so every example is labelled",
        span=span,
        label="needs a partial variable",
        remedy="declare one, as in `data X: image, Y: label partial`, or delete `on ...`",
    )


def ambiguous_subset(span: Span, name: str, variables: Sequence[str]) -> Diagnostic:
    """`on labelled` with more than one partial variable."""
    return Diagnostic(
        slug="ambiguous-subset",
        title=f"{quoted_list(variables)} are partial; say which is meant",
        span=span,
        label="which of them?",
        remedy="write " + quoted_list([f"on {name}({variable})" for variable in variables], conjunction="or"),
    )


def subset_of_complete(span: Span, name: str, variable: str, partial: Sequence[str]) -> Diagnostic:
    """`on labelled(X)` where every example has X."""
    return Diagnostic(
        slug="subset-without-partial",
        title=f"`{variable}` is not `partial`: every example has it",
        span=span,
        label="not a partial variable",
        remedy="write " + quoted_list([f"on {name}({p})" for p in partial], conjunction="or"),
    )
