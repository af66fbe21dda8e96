"""Mistakes with the ends of channels: what may be made from what, and what a decoder may predict."""

from collections.abc import Sequence

from mvib.diagnostics import Diagnostic, Label, quoted_list
from mvib.source import Span


def wrong_channel_end(
    span: Span, title: str, *, label: str, why: str = "", remedy: str, secondary: tuple[Label, ...] = ()
) -> Diagnostic:
    """A channel that starts or ends where it may not."""
    return Diagnostic(
        slug="wrong-channel-end", title=title, span=span, label=label, why=why, remedy=remedy, secondary=secondary
    )


def view_of_representation(span: Span, name: str, declared: Span) -> Diagnostic:
    """A view whose source an encoder makes."""
    return wrong_channel_end(
        span,
        f"a view is drawn from data, and `{name}` is made by an encoder",
        label="made by an encoder",
        secondary=(Label(declared, "declared here"),),
        remedy=f"for noise on a representation write a stochastic encoder: "
        f"`encoder n: {span.text} ~> N = gaussian(var: 0.01)`",
    )


def not_joint(span: Span, channel: str, targets: Sequence[str]) -> Diagnostic:
    """Several variables drawn together from a channel that draws one."""
    return wrong_channel_end(
        span,
        f"`{channel}` draws one variable, and {len(targets)} stand in brackets",
        label="draws one at a time",
        why="variables in brackets come from one draw, as the visible and the hidden tokens of one mask",
        remedy=f"for independent draws write them without brackets: `view {', '.join(targets)} ~ {span.text}`",
    )


def wrong_number_drawn(span: Span, channel: str, expected: int, found: int) -> Diagnostic:
    """Too few or too many variables in brackets."""
    return wrong_channel_end(
        span,
        f"`{channel}` draws {expected} variables together, and {found} stand in brackets",
        label=f"draws {expected}",
        remedy=f"name {expected} of them in brackets",
    )


def not_computed_from(span: Span, name: str, source: str, channel: str) -> Diagnostic:
    """A view drawn against something that its source does not determine."""
    return wrong_channel_end(
        span,
        f"`{channel}` changes a prediction that encoders make from its source `{source}`, and `{name}` is none",
        label=f"no deterministic encoders lead from `{source}` to it",
        remedy=f"name the logits of `{source}`, such as L after `encoder c: {source} -> L = linear(10)`",
    )


def view_of_wrong_type(
    span: Span, channel: str, types: Sequence[str], name: str, found: str, others: Sequence[str], declared: Span
) -> Diagnostic:
    """A view channel for another type of data."""
    return wrong_channel_end(
        span,
        f"`{channel}` takes {quoted_list(types, conjunction='or')}, and `{name}` is of type `{found}`",
        label=f"of type `{found}`",
        secondary=(Label(declared, "declared here"),),
        remedy=f"for `{found}` there is {quoted_list([f'{o}({span.text})' for o in others], conjunction='or')}"
        if others
        else f"no view channel takes `{found}`: use `{name}` itself",
    )


def encoder_into_existing(span: Span, name: str, kind: str, declared: Span, *, decoder: str, new: str) -> Diagnostic:
    """An encoder whose result is data or a view.

    Args:
        span: the variable it points to.
        name: of the variable.
        kind: `data` or `view`.
        declared: where it is declared.
        decoder: the decoder to write instead, up to its distribution.
        new: a free name.
    """
    return wrong_channel_end(
        span,
        f"`{name}` is {'data' if kind == 'data' else 'a view'}, and an encoder cannot make it",
        label="exists already",
        secondary=(Label(declared, "declared here"),),
        why="an encoder defines a new variable; a decoder predicts an existing one",
        remedy=f"write `{decoder}`, or a new name for what it makes, such as `{new}`",
    )


def mixed_arrows(span: Span, first: Span, module: str, arrow: str, fixed: str) -> Diagnostic:
    """Two kinds of arrows under one name."""
    return wrong_channel_end(
        span,
        f"the arrows of `{module}` are of two kinds, and they share one set of weights",
        label=f"drawn with `{arrow}`",
        secondary=(Label(first, "the first one is not"),),
        remedy=f"write `{fixed}`, or give this arrow an encoder of its own",
    )


def several_sources(span: Span, name: str, index: str, fixed: str, joined: str) -> Diagnostic:
    """A variable that would be made once for each value of an index."""
    remedy = f"write `{fixed}` for one of each" + (f", or join the sources: `{joined}`" if joined else "")
    return wrong_channel_end(
        span,
        f"`{name}` would be made once for each value of `{index}`",
        label=f"one variable, whatever `{index}` is",
        remedy=remedy,
    )


def decoder_arrow(span: Span, fixed: str) -> Diagnostic:
    """A decoder drawn with `->`."""
    return wrong_channel_end(
        span,
        "a decoder is a density, drawn with `~>`",
        label="drawn with `->`",
        remedy=f"write `{fixed}`; a deterministic map to a new variable is an `encoder`",
    )


def predicts_itself(span: Span, name: str) -> Diagnostic:
    """A decoder about one of its own sources."""
    return wrong_channel_end(
        span,
        f"the decoder predicts `{name}` from itself",
        label="also what it predicts from",
        remedy="name another variable to predict; of a family, one with another index, as in `Z[i] ~> Z[j]`",
    )


def wrong_density(
    span: Span, distribution: str, types: Sequence[str], name: str, what: str, fitting: Sequence[str], declared: Span
) -> Diagnostic:
    """A decoder with a distribution that cannot be about its target."""
    return wrong_channel_end(
        span,
        f"`{distribution}` is no density of `{name}`, which is {what}",
        label=f"a density of {quoted_list(types, conjunction='or')}",
        secondary=(Label(declared, "declared here"),),
        remedy="write " + quoted_list(fitting, conjunction="or") if fitting else "no distribution fits it yet",
    )


def copy_of_copy(span: Span, copier: str, origin: str, what: str, declared: Span, trained: Sequence[str]) -> Diagnostic:
    """`ema` or `stopgrad` of something without weights of its own."""
    return wrong_channel_end(
        span,
        f"`{copier}` needs an encoder with weights of its own, and `{origin}` is {what}",
        label=f"`{origin}` is {what}",
        secondary=(Label(declared, "declared here"),),
        remedy=f"name an encoder that is trained: {quoted_list([f'{copier}({t})' for t in trained], conjunction='or')}"
        if trained
        else "name an encoder that is trained",
    )


def copy_of_itself(span: Span, copier: str, name: str) -> Diagnostic:
    """`encoder f: ... = ema(f)`."""
    return wrong_channel_end(
        span,
        f"`{name}` would be a copy of itself",
        label="the encoder being declared",
        remedy=f"name the encoder it copies: `{copier}(...)`",
    )


def copy_with_other_arrow(span: Span, copy: str, origin: str, arrow: str, fixed: str, declared: Span) -> Diagnostic:
    """A copy drawn with another arrow than what it copies."""
    return wrong_channel_end(
        span,
        f"`{copy}` copies `{origin}`, which is drawn with `{arrow}`",
        label="drawn with the other arrow",
        secondary=(Label(declared, "declared here"),),
        remedy=f"write `{fixed}`",
    )


def not_a_representation(span: Span, name: str, kind: str, encoded: Sequence[str]) -> Diagnostic:
    """`represent` of data or a view."""
    return wrong_channel_end(
        span,
        f"`{name}` is {'data' if kind == 'data' else 'a view'}, not a representation",
        label="not made by an encoder",
        remedy="name what an encoder makes"
        + (": " + quoted_list([f"represent {e}" for e in encoded], conjunction="or") if encoded else ""),
    )
