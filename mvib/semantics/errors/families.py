"""Mistakes with families: indices and ranges."""

from mvib.diagnostics import Diagnostic, Label
from mvib.semantics.errors.wording import counted, short
from mvib.source import Span


def undefined_member(span: Span, text: str, family: str, available: str, declared: Span) -> Diagnostic:
    """An index outside its family."""
    return Diagnostic(
        slug="index-out-of-range",
        title=f"the family `{family}` has no member `{text}`",
        span=span,
        label="outside the range",
        secondary=(Label(declared, f"`{family}` is declared here"),),
        remedy=f"its members are {available}",
    )


def range_beyond_sources(span: Span, index: str, value: int, lowest: int, highest: int) -> Diagnostic:
    """A declared range with values for which what it is made from has no member."""
    return Diagnostic(
        slug="index-out-of-range",
        title=f"`{index}` = {value} is outside the range of what this is made from",
        span=span,
        label="reaches too far",
        remedy=f"write `{index}: {lowest}..{highest}`, or only `{index}`, which takes the range over",
    )


def range_beyond_family(span: Span, index: str, value: int, lowest: int, highest: int) -> Diagnostic:
    """An aggregation over values for which a family has no member."""
    return Diagnostic(
        slug="index-out-of-range",
        title=f"the families of this term have no member for `{index}` = {value}",
        span=span,
        label="reaches beyond the family",
        remedy=f"write `{index} in {lowest}..{highest}`, or only `{index}` for all members",
    )


def missing_index(span: Span, name: str, example: str, each: str, declared: Span) -> Diagnostic:
    """A family used without an index."""
    return Diagnostic(
        slug="missing-index",
        title=f"`{name}` is a family; say which member is meant",
        span=span,
        label="an index is missing",
        secondary=(Label(declared, "declared as a family here"),),
        remedy=f"write `{example}` for one member" + (f", or `{each}` for each" if each else ""),
    )


def unexpected_index(span: Span, name: str, declared: Span, *, is_image: bool) -> Diagnostic:
    """A plain variable used with an index."""
    return Diagnostic(
        slug="unexpected-index",
        title=f"`{name}` is a single variable and has no members",
        span=span,
        label="an index on a variable without any",
        secondary=(Label(declared, "declared without an index here"),),
        remedy=f"write `{name}`, or draw views of it: `view {name}[i: 1..2] ~ augment({name})`"
        if is_image
        else f"write `{name}`, or give it an index where it is declared: `{name}[i]`",
    )


def index_on_estimator(span: Span, name: str) -> Diagnostic:
    """`by infonce[1]`."""
    return Diagnostic(
        slug="unexpected-index",
        title=f"`{name}` is an estimator and has no members",
        span=span,
        label="an index on an estimator",
        remedy=f"write `by {name}(...)` with its arguments in round brackets; only a family of decoders has members",
    )


def wrong_number_of_indices(span: Span, name: str, expected: int, found: int, declared: Span) -> Diagnostic:
    """`C[i]` where C has two indices."""
    example = f"{name}[{','.join('1' * expected)}]"
    return Diagnostic(
        slug="wrong-number-of-indices",
        title=f"`{name}` has {counted(expected, 'index', 'indices')}, not {found}",
        span=span,
        label=f"expected {expected}",
        secondary=(Label(declared, "declared here"),),
        remedy=f"write for example `{example}`",
    )


def unbound_index(span: Span, index: str, where: str, *, remedy: str) -> Diagnostic:
    """An index that nothing ranges over."""
    return Diagnostic(
        slug="unbound-index",
        title=f"nothing says over what `{index}` ranges",
        span=span,
        label=f"`{index}` occurs only {where}",
        remedy=remedy,
    )


def fixed_module_index(span: Span, text: str, name: str, fixed: str) -> Diagnostic:
    """`encoder f[1]: ...`."""
    return Diagnostic(
        slug="unbound-index",
        title=f"an index in the name of a module declares a range, and `{short(text)}` is none",
        span=span,
        label="not a range",
        remedy=f"write `{fixed}` for weights of its own for each index, or a plain name such as `{name}1`",
    )


def binder_in_use(span: Span, text: str, fixed: str) -> Diagnostic:
    """A range in a place that uses a variable instead of declaring it."""
    return Diagnostic(
        slug="range-outside-declaration",
        title=f"`{short(text)}` declares a range where a variable is used",
        span=span,
        label="only a declaration has a range",
        remedy=f"write `{fixed}`",
    )


def several_members(span: Span, text: str) -> Diagnostic:
    """`Z[1..3]` where one variable is meant."""
    return Diagnostic(
        slug="range-outside-declaration",
        title=f"`{short(text)}` is several variables, and one is expected here",
        span=span,
        label="a range of members",
        why="a range gathers members where variables may stand side by side: in the inputs of an encoder or a quantity",
        remedy="write one index",
    )


def range_without_name(span: Span, text: str, range_: str) -> Diagnostic:
    """`encoder f: X -> Z[1..3]`, or a view of it."""
    return Diagnostic(
        slug="range-outside-declaration",
        title="a family is declared with the name of its index",
        span=span,
        label="this index has no name",
        why="`i: 1..2` names the index and its range; both ends are included",
        remedy=f"write `{text.replace(range_, f'i: {range_}', 1)}`",
    )


def index_not_whole(span: Span, text: str) -> Diagnostic:
    """An index or bound that is not a whole number."""
    return Diagnostic(
        slug="index-not-whole",
        title=f"`{short(text)}` is not a whole number known before training",
        span=span,
        label="an index or a bound is a whole number",
        remedy="write a number, an index, or a `param` with a whole number",
    )


def empty_range(span: Span, low: int, high: int, *, remedy: str) -> Diagnostic:
    """A range without members."""
    return Diagnostic(
        slug="empty-range",
        title=f"the range {low}..{high} has no members",
        span=span,
        label="empty",
        why="both ends belong to a range: `1..2` has two members",
        remedy=remedy,
    )


def no_members(span: Span, what: str, *, remedy: str) -> Diagnostic:
    """Index arithmetic that leaves the families for every value of the indices."""
    return Diagnostic(
        slug="empty-range",
        title=f"{what} for no value of its indices",
        span=span,
        label="always outside the family",
        why="pairs that index arithmetic moves outside a family are left out, and here all of them are",
        remedy=remedy,
    )


def range_too_large(span: Span, what: str, of: str, found: int, most: int) -> Diagnostic:
    """More members or instances than a spec may have.

    Args:
        span: the range, or what has the indices.
        what: the start of the sentence.
        of: what there is too much of.
        found: how many there are.
        most: how many there may be.
    """
    return Diagnostic(
        slug="range-too-large",
        title=f"{what} {found if found < 10**9 else 'over a billion'} {of}, and {most} are allowed",
        span=span,
        label="too large",
        why="each of them is a value of its own in the compiled model",
        remedy="make the ranges smaller",
    )
