"""How values, quantities and facts are written: the part of the canonical layout that is inside a statement."""

from collections.abc import Iterable
from enum import Enum
from typing import assert_never

from mvib.syntax import ast
from mvib.syntax.layout import Break, Doc, Group, Nest, flat, join

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})
_COMMA: Doc = (",", Break())
# In front of a bracket these are read as a quantity or an aggregation, so a call of that name needs brackets around it.
_RESERVED = frozenset({"I", "H", "TC", "D", "sum", "mean"})


# ---- facts and quantities ----------------------------------------------------------------------------------------


def fact_doc(fact: ast.Fact) -> Doc:
    """What an `assume` states."""
    match fact:
        case ast.Relation():
            return relation_doc(fact)
        case ast.Chain():
            return Nest(join((" --", Break()), [references_doc(link) for link in fact.links]))
        case ast.Call():
            return value_doc(fact)
        case _:
            assert_never(fact)


def relation_doc(relation: ast.Relation) -> Doc:
    """A relation, broken in front of its sign."""
    left, right = value_doc(relation.left), value_doc(relation.right)
    return Nest((left, Break(), f"{relation.operator} ", right))


def aggregated_doc(aggregation: ast.Aggregation | None, quantity: ast.Quantity) -> Doc:
    """A quantity with the aggregation in front of it."""
    if aggregation is None:
        return _quantity(quantity)
    clauses = join(", ", map(_clause, aggregation.clauses))
    return (aggregation.function, "(", clauses, ") ", _quantity(quantity))


def _clause(clause: ast.Clause) -> Doc:
    if clause.operand is None:
        return clause.index.text
    return (clause.index.text, f" {clause.operator} ", value_doc(clause.operand))


def _quantity(quantity: ast.Quantity) -> Doc:
    path: Doc = ("[", references_doc(quantity.path), "]") if quantity.path else ()
    inside: list[Doc] = [join((";", Break()), [_variables(group) for group in quantity.groups])]
    if quantity.condition:
        inside.append(("| ", _variables(quantity.condition)))
    if quantity.prior is not None:
        inside.append(("|| ", value_doc(quantity.prior)))
    return (quantity.functional, path, _bracketed(join(Break(), inside)))


def _variables(variables: Iterable[ast.Variable]) -> Doc:
    return join(", ", map(_variable, variables))


def _variable(variable: ast.Variable) -> Doc:
    reference = reference_doc(variable.reference)
    return ("sg(", reference, ")") if variable.stopped else reference


# ---- values ------------------------------------------------------------------------------------------------------


class _Spacing(Enum):
    """Where arithmetic has blanks around its signs."""

    WIDE = "around all"
    PRODUCT = "around none, but around all inside brackets: a product inside a sum"
    NARROW = "around none: an index or the end of a range"


def value_doc(node: ast.Expression, least: int = 0, spacing: _Spacing = _Spacing.WIDE) -> Doc:
    """A value, in round brackets when it binds less than `least`."""
    match node:
        case ast.Number():
            return node.text
        case ast.String():
            return string_text(node)
        case ast.Reference():
            return reference_doc(node)
        case ast.Call():
            return (node.function.text, _bracketed(join(_COMMA, map(_argument, node.arguments))))
        case ast.Aggregated():
            return aggregated_doc(node.aggregation, node.quantity)
        case ast.Negative() | ast.Binary():
            return _arithmetic(node, least, spacing)
        case ast.Tuple():
            return _bracketed(join(_COMMA, map(value_doc, node.items)))
        case ast.Transition():
            return (value_doc(node.start), " -> ", value_doc(node.end))
        case ast.Range():
            return _range(node)
        case _:
            assert_never(node)


def _arithmetic(node: ast.Binary | ast.Negative, least: int, spacing: _Spacing) -> Doc:
    if isinstance(node, ast.Negative):
        operand = value_doc(node.operand, 3, spacing)
        # Two signs in a row would be the sign of a Markov chain.
        return ("- " if _starts_with_minus(operand) else "-", operand)
    strength = 1 if node.operator in "+-" else 2
    bracketed = strength < least
    if bracketed and spacing is _Spacing.PRODUCT:
        spacing = _Spacing.WIDE
    inner = _Spacing.PRODUCT if strength == 1 and spacing is _Spacing.WIDE else spacing
    left = value_doc(node.left, strength, inner if _is_product(node.left) else spacing)
    right = value_doc(node.right, strength + 1, inner if _is_product(node.right) else spacing)
    if spacing is _Spacing.WIDE:
        doc: Doc = Group((left, Break(), f"{node.operator} ", right))
    else:
        doc = (left, node.operator, " " if node.operator == "-" and _starts_with_minus(right) else "", right)
    return ("(", doc, ")") if bracketed else doc


def _is_product(node: ast.Expression) -> bool:
    return isinstance(node, ast.Binary) and node.operator in "*/"


def _starts_with_minus(doc: Doc) -> bool:
    return flat(doc).startswith("-")


def _range(node: ast.Range) -> Doc:
    low, high = flat(value_doc(node.low, 0, _Spacing.NARROW)), flat(value_doc(node.high, 0, _Spacing.NARROW))
    # `1...5` could be read in two ways.
    blank = " " if low.endswith(".") or high.startswith(".") else ""
    return f"{low}{blank}..{blank}{high}"


def weight_doc(node: ast.Expression) -> Doc:
    """The weight of a term, a product: sums, texts and indexed names stand in brackets."""
    match node:
        case ast.Binary(operator="*" | "/"):
            return (weight_doc(node.left), f" {node.operator} ", _factor(node.right))
        case _:
            return _factor(node)


def _factor(node: ast.Expression) -> Doc:
    match node:
        case ast.Negative():
            operand = _factor(node.operand)
            return ("- " if _starts_with_minus(operand) else "-", operand)
        case ast.Number() | ast.Reference(indices=()):
            return value_doc(node)
        case ast.Call() if node.function.text not in _RESERVED:
            return value_doc(node)
        case _:
            return ("(", value_doc(node), ")")


def _argument(argument: ast.Argument) -> Doc:
    return value_doc(argument.value) if argument.name is None else (argument.name.text, ": ", value_doc(argument.value))


def references_doc(references: Iterable[ast.Reference]) -> Doc:
    """References with commas."""
    return join(", ", map(reference_doc, references))


def reference_doc(reference: ast.Reference) -> Doc:
    """A name with its indices."""
    if not reference.indices:
        return reference.name.text
    return (reference.name.text, "[", join(", ", map(_index, reference.indices)), "]")


def _index(index: ast.Value | ast.Binder) -> Doc:
    return (
        (index.name.text, ": ", _range(index.range))
        if isinstance(index, ast.Binder)
        else value_doc(index, 0, _Spacing.NARROW)
    )


def _bracketed(doc: Doc) -> Doc:
    return Group(("(", Nest((Break(""), doc)), Break(""), ")")) if flat(doc) else "()"


def name_or_string(node: ast.Name | ast.String) -> Doc:
    """What a method extends."""
    return string_text(node) if isinstance(node, ast.String) else node.text


def string_text(string: ast.String) -> str:
    """A text in double quotes, escaped."""
    return f'"{string.value.translate(_ESCAPES)}"'
