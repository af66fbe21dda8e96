"""Methods side by side: what each maximises, predicts and compresses, along which path, by which estimator."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mvib.render.canonical import against_collapse
from mvib.render.compose import Drawable
from mvib.render.markup import plain_text
from mvib.render.overview import build_overview
from mvib.semantics.method import Direction, Method, Term
from mvib.syntax import ast


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodRow:
    """One method.

    Attributes:
        name: of its spec.
        paper: its first citation.
        arxiv: number of the paper, empty when none is given.
        about: what it does, in a sentence.
        pushes: of each term, in the order of the spec, in which of the next three its quantity is.
        maximises: quantities that are pushed up.
        predicts: conditional entropies that are pushed down: how well one variable is predicted from another.
        compresses: information, entropies and divergences that are pushed down.
        paths: modules on the information path of each term, with every branch.
        estimators: of each term.
        bounds: direction of the estimate of each term.
        assumptions: what the spec assumes.
        kinds: what the method is: its approach, contrastive or not, its views and its supervision.
        collapse: what keeps the representation from being constant.
        compression: explicit, implicit or none.
        lines: of the spec without header and train block.
    """

    name: str
    paper: str
    arxiv: str
    about: str
    pushes: tuple[str, ...]
    maximises: tuple[str, ...]
    predicts: tuple[str, ...]
    compresses: tuple[str, ...]
    paths: tuple[str, ...]
    estimators: tuple[str, ...]
    bounds: tuple[str, ...]
    assumptions: tuple[str, ...]
    kinds: tuple[str, ...]
    collapse: str
    compression: str
    lines: int


# What is done to the quantity of a term, one column each.
_PUSHES = ("maximises", "predicts", "compresses")
# Columns with one entry a term.
_OF_TERMS = ("paths", "estimators", "bounds")
_FORMULAS = {*_PUSHES, "paths", "assumptions"}

# Heading and attribute of each column behind the name and the paper.
COLUMNS = (
    ("maximises", "maximises"),
    ("predicts", "predicts"),
    ("compresses", "compresses"),
    ("path", "paths"),
    ("estimator", "estimators"),
    ("bound", "bounds"),
    ("assumes", "assumptions"),
    ("kind", "kinds"),
    ("no collapse by", "collapse"),
    ("compression", "compression"),
    ("lines", "lines"),
)


def method_row(name: str, analysis: Drawable) -> MethodRow:
    """The row of a sound spec.

    Args:
        name: of the spec.
        analysis: of it.
    """
    method = analysis.method
    assert method is not None, f"the spec {name} is wrong"
    overview = build_overview(analysis, prove=False)
    kind = overview.kind
    pushes = [_pushes(term) for term in method.terms]
    quantities = {
        column: tuple(
            plain_text(line.quantity) for push, line in zip(pushes, overview.terms, strict=True) if push == column
        )
        for column in _PUSHES
    }
    citation = method.citations[0] if method.citations else None
    return MethodRow(
        name=name,
        paper=citation.text if citation is not None else "",
        arxiv=citation.arxiv if citation is not None else "",
        about=method.about,
        pushes=tuple(pushes),
        maximises=quantities["maximises"],
        predicts=quantities["predicts"],
        compresses=quantities["compresses"],
        paths=tuple(line.path.replace(", ", " ") for line in overview.terms),
        estimators=tuple(line.promise.title for line in overview.terms),
        bounds=tuple(line.promise.bound_text.replace(" bound", "", 1) for line in overview.terms),
        assumptions=_unique(plain_text(assumption) for assumption in overview.assumptions),
        kinds=_unique(
            (
                kind.approach.value,
                "contrastive" if kind.contrastive else "",
                kind.views.value,
                kind.supervision.value,
            )
        ),
        collapse=against_collapse(kind),
        compression=kind.compression.value,
        lines=num_lines(method),
    )


def num_lines(method: Method) -> int:
    """Lines of a spec as written, without its header, its comments and its train block."""
    counted = [s for s in method.spec.statements if s.span.source is method.source and not _is_header(s)]
    return sum(1 for s in counted for line in s.span.text.splitlines() if line.partition("#")[0].strip())


def _is_header(statement: ast.Statement) -> bool:
    return isinstance(statement, ast.Version | ast.Method | ast.About | ast.Cite | ast.Train)


def _pushes(term: Term) -> str:
    """The column of a term's quantity."""
    if term.direction is Direction.MAXIMIZE:
        return "maximises"
    quantity = term.instances[0].quantity
    return "predicts" if quantity.functional == "H" and quantity.condition else "compresses"


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for text in dict.fromkeys(texts) if text)


def methods_markdown(rows: Sequence[MethodRow]) -> str:
    """The rows as a table of Markdown, each name linked to its spec."""
    heads = ["method", "paper", *(heading for heading, _ in COLUMNS)]
    lines = [_line(heads), _line(["---"] * len(heads))]
    lines += [_line([_link(row), _paper(row), *_cells(row)]) for row in rows]
    return "\n".join(lines) + "\n"


def _cells(row: MethodRow) -> list[str]:
    return ["<br>".join(_cell(row, attribute)) for _, attribute in COLUMNS]


def _cell(row: MethodRow, attribute: str) -> Iterator[str]:
    """The lines of a cell; of several terms each with its number, by which the columns belong together."""
    value = getattr(row, attribute)
    texts = value if isinstance(value, tuple) else (str(value),)
    numbers: dict[str, list[int]] = {}
    for text, number in zip(texts, _numbers(row, attribute, len(texts)), strict=True):
        numbers.setdefault(text, []).append(number)
    for text, of_terms in numbers.items():
        if text:
            shown = f"`{_escape(text)}`" if attribute in _FORMULAS else _escape(text)
            is_numbered = len(row.pushes) > 1 and attribute in (*_PUSHES, *_OF_TERMS)
            is_numbered &= len(numbers) > 1 or attribute in _PUSHES
            yield f"{', '.join(map(str, of_terms))}: {shown}" if is_numbered else shown


def _numbers(row: MethodRow, attribute: str, count: int) -> list[int]:
    """The numbers of the terms that the entries of a column are about."""
    if attribute in _PUSHES:
        return [number for number, push in enumerate(row.pushes, start=1) if push == attribute]
    return list(range(1, count + 1))


def _link(row: MethodRow) -> str:
    return f"[{row.name}]({row.name}.mvib)"


def _paper(row: MethodRow) -> str:
    return f"[{_escape(row.paper)}](https://arxiv.org/abs/{row.arxiv})" if row.arxiv else _escape(row.paper)


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
