"""The objective and its quantities as formulas."""

from fractions import Fraction
from math import isclose
from typing import assert_never

from mvib.catalogue.signature import Bound
from mvib.render.markup import (
    Formula,
    Piece,
    joined,
    latex,
    lowered,
    number,
    operator,
    plain_text,
    sign,
    symbol,
    word,
)
from mvib.semantics.method import Direction, Member, Method, Term
from mvib.semantics.values import Constant, Named, Operation, Scalar, Scheduled
from mvib.syntax import ast

_LARGEST_DENOMINATOR = 999
_LOSS = r"\mathcal{L}"
# Signs of plain text that one line of a paper holds as a formula.
_LONGEST_LINE = 90
_FEWEST_LINES = 2
# What papers call an estimator; others go by their name in a spec.
_NAMES_IN_PAPERS = {
    "infonce": "InfoNCE",
    "jsd": "JSD",
    "mse": "MSE",
    "cosine": "cos",
    "variance_covariance": "var-cov",
    "cross_correlation": "cross-corr",
    "cross_entropy": "cross-entropy",
    "barber_agakov": "Barber-Agakov",
}


def objective_text(method: Method) -> str:
    """The objective in one line of plain text: `L = - I(Z₁; Z₂)`."""
    return plain_text(objective_formula(method))


def objective_latex(method: Method) -> str:
    """The objective for LaTeX's mathematics mode; one that is longer than a line of a paper is broken at its terms."""
    objective = objective_formula(method)
    parts = objective_parts(method)
    if len(plain_text(objective)) <= _LONGEST_LINE or len(parts) < _FEWEST_LINES:
        return latex(objective).replace("L", _LOSS, 1)
    head = objective[: len(objective) - sum(map(len, parts[1:]))]
    first = latex(head).replace("L = ", f"{_LOSS} = {{}} & ", 1)
    return "\n".join(
        [r"\begin{aligned}", " \\\\\n".join([first, *(f"  &{latex(p)}" for p in parts[1:])]), r"\end{aligned}"]
    )


def objective_formula(method: Method) -> Formula:
    """What is minimised: `L = - I(Z₁; Z₂) + beta * mean_{i != j} I(X_i; Z_i | X_j)`."""
    result: list[Piece] = [*symbol("L"), *sign("=")]
    for position, part in enumerate(objective_parts(method)):
        first, *rest = part
        if position == 0 and first.text == "+":
            result.extend(rest)
        elif position == 0:
            result.extend((*sign("leading -"), *rest))
        else:
            result.extend(part)
    if not method.terms:
        result.extend(number("0"))
    return tuple(result)


def objective_parts(method: Method) -> tuple[Formula, ...]:
    """The terms of what is minimised, each with its sign in front."""
    return tuple(
        (*sign("+" if term.direction is Direction.MINIMIZE else "-"), *weighted_formula(method, term))
        for term in method.terms
    )


def term_formula(method: Method, term: Term) -> Formula:
    """A term with its direction: `max I(Z₁; Z₂)`."""
    direction = "max" if term.direction is Direction.MAXIMIZE else "min"
    return (*operator(direction), *sign(" "), *weighted_formula(method, term))


def weighted_formula(method: Method, term: Term) -> Formula:
    """Weight, aggregation and quantity of a term."""
    weight: Formula = ()
    if term.weight != Constant(1):
        is_sum = isinstance(term.weight, Operation) and term.weight.operator in "+-"
        inner = scalar_formula(term.weight)
        weight = (*((*sign("("), *inner, *sign(")")) if is_sum else inner), *sign("factor"))
    return (*weight, *aggregated_formula(method, term))


def aggregated_formula(method: Method, term: Term) -> Formula:
    """Aggregation and quantity of a term."""
    statement = statement_of(method, term)
    return (*_aggregation(statement.aggregation), *_quantity(statement.quantity, _mark(term)))


def statement_of(method: Method, term: Term) -> ast.Term:
    """The tree of a term: terms and their statements are in one order."""
    statements = [statement for statement in method.spec.statements if isinstance(statement, ast.Term)]
    return statements[[known.label for known in method.terms].index(term.label)]


def subset_text(term: Term) -> str:
    """The examples that a term is about, as written behind `on`; empty for all."""
    if term.subset is None:
        return ""
    kind, member = term.subset
    return f"{kind}({member}{', of: all' if term.of_all else ''})"


def estimator_title(name: str) -> str:
    """What papers call an estimator."""
    return _NAMES_IN_PAPERS.get(name, name.replace("_", " "))


def _mark(term: Term) -> Formula:
    """The subscript that says that a quantity is not what is computed: the decoder that stands in, or a surrogate."""
    if term.estimator is None:
        return symbol(term.estimator_name.partition("[")[0])
    if term.bound is Bound.SURROGATE:
        return word(estimator_title(term.estimator.name))
    return ()


def member_formula(member: Member) -> Formula:
    """A variable with its index as a subscript."""
    return indexed_formula(member.family, member.index)


def indexed_formula(name: str, index: tuple[int, ...]) -> Formula:
    """A name with numbers as its subscript."""
    return (*symbol(name), *lowered(joined((number(str(i)) for i in index), ",")))


def module_formula(name: str) -> Formula:
    """A module's name, `q[2]`, with its index as a subscript."""
    head, _, index = name.partition("[")
    return (*symbol(head), *lowered(number(index.rstrip("]")) if index else ()))


# ---- quantities ------------------------------------------------------------------------------------------------


def _quantity(quantity: ast.Quantity, mark: Formula) -> Formula:
    path = joined((_flat_reference(step) for step in quantity.path), ",")
    subscript = (*path, *(sign(";") if path and mark else ()), *mark) if path else mark
    if path and mark and plain_text(path).split(", ")[-1].startswith(plain_text(mark)):
        # The decoder that estimates the term is the last step of its path: once is enough.
        subscript = path
    groups = joined((joined(map(_variable, group), ",") for group in quantity.groups), ";")
    condition = (*sign("|"), *joined(map(_variable, quantity.condition), ",")) if quantity.condition else ()
    prior = (*sign("||"), *word(_prior_name(quantity.prior))) if quantity.prior is not None else ()
    return (
        *symbol(quantity.functional),
        *lowered(subscript),
        *sign("("),
        *groups,
        *condition,
        *prior,
        *sign(")"),
    )


def _prior_name(prior: ast.Reference | ast.Call) -> str:
    return prior.name.text if isinstance(prior, ast.Reference) else prior.function.text


def _variable(variable: ast.Variable) -> Formula:
    inner = _reference(variable.reference)
    return (*operator("sg"), *sign("("), *inner, *sign(")")) if variable.stopped else inner


def _reference(reference: ast.Reference) -> Formula:
    indices = joined((_value(i) for i in reference.indices if not isinstance(i, ast.Binder)), ",")
    return (*symbol(reference.name.text), *lowered(_tight(indices)))


def _flat_reference(reference: ast.Reference) -> Formula:
    """A reference that is itself a subscript: its index stands beside it."""
    indices = joined((_value(i) for i in reference.indices if not isinstance(i, ast.Binder)), ",")
    return (*symbol(reference.name.text), *_tight(indices))


def _tight(formula: Formula) -> Formula:
    """Index arithmetic without blanks: `t+k`."""
    return tuple(word(p.text)[0] if p.text in {"+", "-", ","} else p for p in formula)


def _aggregation(aggregation: ast.Aggregation | None) -> Formula:
    if aggregation is None:
        return ()
    return (*operator(aggregation.function), *lowered(joined(map(_clause, aggregation.clauses), ",")), *sign(" "))


def _clause(clause: ast.Clause) -> Formula:
    index = symbol(clause.index.text)
    if clause.operand is None:
        return index
    return (*index, *sign(clause.operator), *_value(clause.operand))


# ---- scalars, facts --------------------------------------------------------------------------------------------


def scalar_formula(scalar: Scalar) -> Formula:
    """A weight: parameters by name, numbers short."""
    match scalar:
        case Constant(value):
            return _signed(value)
        case Scheduled(schedule):
            ends = (*_signed(schedule.start), *sign("->"), *_signed(schedule.end))
            return (*word(schedule.shape), *sign("("), *ends, *sign(")"))
        case Named(name, _):
            return symbol(name)
        case Operation(symbol_of_operation, left, right):
            first, second = (
                _operand(side, within=symbol_of_operation, is_right=is_right)
                for side, is_right in ((left, False), (right, True))
            )
            return (*first, *sign(symbol_of_operation), *second)
        case _:
            assert_never(scalar)


def _operand(side: Scalar, *, within: str, is_right: bool) -> Formula:
    inner = scalar_formula(side)
    is_fraction = isinstance(side, Constant) and any(piece.text == "/" for piece in inner)
    operator_inside = side.operator if isinstance(side, Operation) else "/" if is_fraction else ""
    return _in_brackets(inner, operator_inside, within=within, is_right=is_right)


def _in_brackets(inner: Formula, operator_inside: str, *, within: str, is_right: bool) -> Formula:
    """An operand of an operation, in brackets where it would otherwise be read in another order."""
    is_sum, is_product = operator_inside in {"+", "-"}, operator_inside in {"*", "/"}
    needed = (is_sum and (within in {"*", "/"} or (is_right and within == "-"))) or (
        is_product and is_right and within == "/"
    )
    return (*sign("("), *inner, *sign(")")) if needed else inner


def _signed(value: float) -> Formula:
    text = f"{abs(value):g}"
    size = (*number(text),) if float(text) == abs(value) else _fraction(abs(value)) or number(text)
    return (*sign("negative"), *size) if value < 0 else size


def _fraction(value: float) -> Formula:
    """`1 / 3` for what six digits do not tell and a short fraction does."""
    nearest = Fraction(value).limit_denominator(_LARGEST_DENOMINATOR)
    if not isclose(nearest, value, rel_tol=1e-12):
        return ()
    return (*number(str(nearest.numerator)), *sign("/"), *number(str(nearest.denominator)))


def fact_formula(fact: ast.Fact) -> Formula:
    """An assumption or a claim."""
    match fact:
        case ast.Relation():
            return (*_value(fact.left), *sign(fact.operator), *_value(fact.right))
        case ast.Chain():
            return joined((joined(map(_reference, link), ",") for link in fact.links), "--")
        case ast.Call():
            return _value(fact)
        case _:
            assert_never(fact)


def _value(node: ast.Expression) -> Formula:  # noqa: C901 -- one case for each kind of node
    match node:
        case ast.Number():
            return number(node.text)
        case ast.String():
            return word(node.value)
        case ast.Reference():
            return _reference(node)
        case ast.Negative():
            return (*sign("negative"), *_side(node.operand, within="*", is_right=False))
        case ast.Binary():
            left = _side(node.left, within=node.operator, is_right=False)
            return (*left, *sign(node.operator), *_side(node.right, within=node.operator, is_right=True))
        case ast.Tuple():
            return (*sign("("), *joined(map(_value, node.items), ","), *sign(")"))
        case ast.Transition():
            return (*_value(node.start), *sign("->"), *_value(node.end))
        case ast.Range():
            return (*_value(node.low), *sign(".."), *_value(node.high))
        case ast.Call():
            arguments = joined((_argument(argument) for argument in node.arguments), ",")
            return (*word(node.function.text), *sign("("), *arguments, *sign(")"))
        case ast.Aggregated():
            return (*_aggregation(node.aggregation), *_quantity(node.quantity, ()))
        case _:
            assert_never(node)


def _argument(argument: ast.Argument) -> Formula:
    if argument.name is None:
        return _value(argument.value)
    return (*word(argument.name.text), *sign(":"), *_value(argument.value))


def _side(node: ast.Expression, *, within: str, is_right: bool) -> Formula:
    operator_inside = node.operator if isinstance(node, ast.Binary) else ""
    return _in_brackets(_value(node), operator_inside, within=within, is_right=is_right)
