"""Methods side by side: what each maximises, predicts and compresses, along which path, by which estimator."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mvib.render.canonical import against_collapse
from mvib.render.compose import Drawable
from mvib.render.markup import plain_text
from mvib.render.overview import TermLine, build_overview
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
        maximises: quantities that are pushed up.
        predicts: conditional entropies that are pushed down: how well one variable is predicted from another.
        compresses: information, entropies and divergences that are pushed down.
        paths: modules on the information path of each term.
        estimators: of the terms.
        bounds: directions of the estimates.
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
    terms = list(zip(method.terms, overview.terms, strict=True))
    citation = method.citations[0] if method.citations else None
    return MethodRow(
        name=name,
        paper=citation.text if citation is not None else "",
        arxiv=citation.arxiv if citation is not None else "",
        about=method.about,
        maximises=_quantities(line for term, line in terms if term.direction is Direction.MAXIMIZE),
        predicts=_quantities(line for term, line in terms if _predicts(term)),
        compresses=_quantities(
            line for term, line in terms if term.direction is Direction.MINIMIZE and not _predicts(term)
        ),
        paths=_unique(line.path.replace(", ", " ") for _, line in terms),
        estimators=_unique(line.promise.title for _, line in terms),
        bounds=_unique(line.promise.bound.value.removesuffix(" bound") for _, line in terms),
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


def _predicts(term: Term) -> bool:
    quantity = term.instances[0].quantity
    return term.direction is Direction.MINIMIZE and quantity.functional == "H" and bool(quantity.condition)


def _quantities(lines: Iterable[TermLine]) -> tuple[str, ...]:
    return _unique(plain_text(line.quantity) for line in lines)


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for text in dict.fromkeys(texts) if text)


def methods_markdown(rows: Sequence[MethodRow]) -> str:
    """The rows as a table of Markdown, each name linked to its spec."""
    heads = ["method", "paper", *(heading for heading, _ in COLUMNS)]
    lines = [_line(heads), _line(["---"] * len(heads))]
    lines += [_line([_link(row), _paper(row), *_cells(row)]) for row in rows]
    return "\n".join(lines) + "\n"


def _cells(row: MethodRow) -> list[str]:
    cells = []
    for _, attribute in COLUMNS:
        value = getattr(row, attribute)
        texts = value if isinstance(value, tuple) else (str(value),)
        is_formula = attribute in {"maximises", "predicts", "compresses", "paths", "assumptions"}
        cells.append("<br>".join(f"`{_escape(text)}`" if is_formula else _escape(text) for text in texts))
    return cells


def _link(row: MethodRow) -> str:
    return f"[{row.name}]({row.name}.mvib)"


def _paper(row: MethodRow) -> str:
    return f"[{_escape(row.paper)}](https://arxiv.org/abs/{row.arxiv})" if row.arxiv else _escape(row.paper)


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
