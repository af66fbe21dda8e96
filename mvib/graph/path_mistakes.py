"""The wording of what is wrong with a path: it breaks, or it was left out where several fit."""

from collections.abc import Callable, Sequence

from mvib.diagnostics import Diagnostic, Label, quoted_list
from mvib.graph.graph import InformationGraph
from mvib.graph.paths import ends_of, find_paths, has_decoder, is_step
from mvib.semantics.method import Channel, ChannelKind, Member, Quantity, Term, TermInstance

# Candidates that a message lists.
_MAX_SHOWN = 6


def broken_path(
    graph: InformationGraph, quantity: Quantity, write: Callable[[Sequence[Channel]], str] | None = None
) -> Diagnostic:
    """A written path that leads neither from the start of a quantity to its end nor back.

    Args:
        graph: the graph.
        quantity: with the path.
        write: the quantity with another path, as the spec would have it; default: with all indices as numbers.
    """
    start, end = (variable.member for variable in ends_of(quantity))
    options = [*find_paths(graph, start, end)[:4], *find_paths(graph, end, start)[:4]][:4]
    fixed = [(write or (lambda path: _numbered(quantity, path)))(path) for path in options]
    return Diagnostic(
        slug="broken-path",
        title=f"the path `[{', '.join(quantity.path)}]` does not lead from `{start}` to `{end}`",
        span=quantity.span,
        label=_where_it_breaks(graph, quantity, start, end),
        remedy="write " + quoted_list(fixed, conjunction="or")
        if fixed
        else f"no channels lead from `{start}` to `{end}`: leave the path out",
    )


def _numbered(quantity: Quantity, path: Sequence[Channel]) -> str:
    text = str(quantity)
    return f"{quantity.functional}[{', '.join(channel.module for channel in path)}]{text[text.index('(') :]}"


def _where_it_breaks(graph: InformationGraph, quantity: Quantity, start: Member, end: Member) -> str:
    reached = [start]
    for number, step in enumerate(quantity.path, start=1):
        targets = [c.target for at in reached for c in graph.leaving(at) if is_step(graph, c, step)]
        if not targets:
            takes = dict.fromkeys(str(s) for c in graph.channels if is_step(graph, c, step) for s in c.sources)
            at = quoted_list([str(member) for member in dict.fromkeys(reached)], most=3, conjunction="or")
            sources = quoted_list(takes, most=3, conjunction="or")
            return f"step {number}, `{step}`, takes {sources}, and the path stands at {at}"
        reached = targets
    return f"it ends at {quoted_list([str(member) for member in dict.fromkeys(reached)], most=3, conjunction='or')}"


def ambiguous_path(
    graph: InformationGraph, term: Term, instance: TermInstance, candidates: Sequence[tuple[Channel, ...]]
) -> Diagnostic:
    """A quantity without a path that several fit, with texts to paste.

    Args:
        graph: the graph.
        term: the term.
        instance: of the term.
        candidates: the paths by which a reader may take it to be a prediction.
    """
    _, end = ends_of(instance.quantity)
    options = [(with_path(term, instance, path), _realised(end.member, path)) for path in candidates[:_MAX_SHOWN]]
    options.extend(_reading_of_p(graph, term, instance))
    width = max(len(text) for text, _ in options)
    several = len(candidates) + len(options) - len(candidates[:_MAX_SHOWN])
    title = f"`{term.text}` can be read along {several} information paths"
    decoders = dict.fromkeys(_last_decoder(path).span for path in candidates)
    return Diagnostic(
        slug="ambiguous-path",
        title=title if several > 1 else f"`{term.text}` needs its information path",
        span=instance.quantity.span,
        label=f"which realisation of `{end.member}` is meant?",
        secondary=tuple(Label(span, "this decoder gives a prediction") for span in decoders)[:2],
        why="a quantity is defined only once its path is: a variable reached along another path is another quantity",
        remedy="write one of\n" + "\n".join(f"  {text.ljust(width)}  # {about}" for text, about in options),
    )


def _last_decoder(path: Sequence[Channel]) -> Channel:
    return next(channel for channel in reversed(path) if channel.kind is ChannelKind.DECODER)


def _realised(end: Member, path: Sequence[Channel]) -> str:
    """How a path with a decoder comes to its end, in words."""
    decoder = _last_decoder(path)
    if decoder is path[-1]:
        return f"{end} as {decoder.module} predicts it from {decoder.sources[0]}"
    return f"{end} as {path[-1].module} makes it from {decoder.module}'s prediction of {decoder.target}"


def _reading_of_p(graph: InformationGraph, term: Term, instance: TermInstance) -> list[tuple[str, str]]:
    """The path that means the variable of p itself: by which it is made, or the other from it."""
    start, end = (variable.member for variable in ends_of(instance.quantity))
    maker = graph.maker(end)
    if maker is not None:
        path, about = (maker,), f"{end} itself, as {maker.module} makes it from {maker.sources[0]}"
        return [(with_path(term, instance, path), about)]
    if graph.is_ancestor(end, start):
        shortest = next(path for path in find_paths(graph, end, start) if not has_decoder(path))
        return [(with_path(term, instance, shortest), f"{end} itself, as it is observed")]
    return []


def with_path(term: Term, instance: TermInstance, path: Sequence[Channel]) -> str:
    """The quantity as it is written in the file, with a path."""
    text = term.text
    steps = [_step_text(instance, channel) for channel in path]
    return f"{instance.quantity.functional}[{', '.join(steps)}]{text[text.index('(') :]}"


def _step_text(instance: TermInstance, channel: Channel) -> str:
    """The name of a channel; for a member of a module family with the index that has its value in the term."""
    family, _, inside = channel.module.partition("[")
    if not inside:
        return channel.module
    letters = {value: name for name, value in instance.indices}
    numbers = [int(number) for number in inside.rstrip("]").split(",")]
    return f"{family}[{', '.join(letters.get(number, str(number)) for number in numbers)}]"
