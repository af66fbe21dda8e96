"""The tree of a spec file: frozen nodes that know their place and judge nothing.

Spans are left out of comparison, so that two texts that say the same have equal trees.
"""

from dataclasses import dataclass, field

from mvib.source import SourceFile, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Anything with a place in the file."""

    span: Span = field(compare=False, repr=False)


# ---- names and values ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    """An identifier, in Unicode normal form C."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Node):
    """A number literal; `text` is how the user wrote it."""

    value: int | float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class String(Node):
    """A string literal, without its quotes and with escapes resolved."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range(Node):
    """`low .. high`, both ends included."""

    low: "Value"
    high: "Value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binder(Node):
    """`i: 1..V` inside the brackets of a declaration."""

    name: Name
    range: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference(Node):
    """A name with optional indices: `X`, `Z[1]`, `Z[t+k]`, `X[i: 1..2]`, `Z[1..V]`."""

    name: Name
    indices: "tuple[Value | Binder, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Node):
    """Arithmetic: `+`, `-`, `*` or `/`."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative(Node):
    """A leading minus."""

    operand: "Expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuple(Node):
    """`(a, b)`."""

    items: "tuple[Value, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition(Node):
    """`a -> b` inside a schedule."""

    start: "Value"
    end: "Value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument(Node):
    """A positional or named argument."""

    name: Name | None
    value: "Value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """`name(arguments)`."""

    function: Name
    arguments: tuple[Argument, ...]


Value = Number | String | Reference | Binary | Negative | Tuple | Transition | Range | Call


# ---- quantities and facts --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Node):
    """A variable inside a quantity; `stopped` when written `sg(A)`."""

    reference: Reference
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity(Node):
    """`I[path](A; B | C)`, `H(A | B)`, `TC(A; B; C)` or `D(A || prior)`."""

    functional: str
    path: tuple[Reference, ...]
    groups: tuple[tuple[Variable, ...], ...]
    condition: tuple[Variable, ...] = ()
    prior: Reference | Call | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause(Node):
    """One clause of an aggregation: `i`, `i != j`, `i < j`, `i in 1..2`."""

    index: Name
    operator: str = ""
    operand: "Value | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation(Node):
    """`sum(clauses)` or `mean(clauses)`."""

    function: str
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregated(Node):
    """A quantity with its aggregation inside a relation."""

    aggregation: Aggregation | None
    quantity: Quantity


Expression = Value | Aggregated


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation(Node):
    """`left <= right`, `left >= right` or `left = right` over quantities, symbols and numbers."""

    left: Expression
    operator: str
    right: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain(Node):
    """A Markov chain `A -- B -- C`; each link may be several variables."""

    links: tuple[tuple[Reference, ...], ...]


Fact = Relation | Chain | Call


# ---- statements ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment(Node):
    """A `#` comment with its text, the `#` included."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement(Node):
    """A statement with the comments that belong to it.

    Attributes:
        leading: comments on the lines above, and any inside the statement.
        trailing: the comment behind it on its last line.
    """

    leading: tuple[Comment, ...] = ()
    trailing: Comment | None = None

    @property
    def comments(self) -> tuple[Comment, ...]:
        """All comments of the statement."""
        return (*self.leading, self.trailing) if self.trailing else self.leading


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(Statement):
    """`mvib 1`."""

    number: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(Statement):
    """`method NAME [extends PARENT]`."""

    name: Name
    parent: String | Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class About(Statement):
    """`about "text"`."""

    text: String


@dataclass(frozen=True, slots=True, kw_only=True)
class Cite(Statement):
    """`cite "text" arxiv:ID doi:ID`."""

    text: String
    arxiv: str = ""
    doi: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Param(Statement):
    """`param NAME = VALUE`."""

    name: Name
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDeclaration(Node):
    """`NAME: TYPE [partial]` inside a data statement."""

    target: Reference
    type: Name
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Data(Statement):
    """`data X: image, Y: label partial`."""

    declarations: tuple[DataDeclaration, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Statement):
    """`view X[i: 1..2] ~ augment(X)`; drawn together when they stand in brackets, `view (V, T) ~ split(P)`."""

    targets: tuple[Reference, ...]
    channel: Call
    joint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow(Node):
    """`A -> B` (deterministic), `A ~> B` (stochastic, or a decoder), `(A, B) -> C`."""

    sources: tuple[Reference, ...]
    stochastic: bool
    target: Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder(Statement):
    """`encoder NAME: A -> B, C -> D = MODULE`."""

    name: Reference
    arrows: tuple[Arrow, ...]
    module: Reference | Call | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder(Statement):
    """`decoder NAME: A ~> B = DISTRIBUTION`."""

    name: Reference
    arrows: tuple[Arrow, ...]
    module: Reference | Call | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Term(Statement):
    """`term LABEL: maximize WEIGHT * AGG QUANTITY by ESTIMATOR weighted by SHARE on SUBSET`.

    What the user left out is None.
    """

    label: Name | None
    direction: str
    weight: Value | None
    aggregation: Aggregation | None
    quantity: Quantity
    estimator: Reference | Call
    share: Reference | None = None
    subset: Reference | Call | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Statement):
    """`drop term LABEL`."""

    label: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Assume(Statement):
    """`assume FACT`."""

    fact: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Statement):
    """`claim RELATION`."""

    relation: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Represent(Statement):
    """`represent VAR`."""

    variables: tuple[Reference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Node):
    """`key: value` inside a train block."""

    key: Name
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Train(Statement):
    """`train { key: value ... }`."""

    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec(Node):
    """A whole file.

    Attributes:
        source: the file.
        statements: in the order written.
        closing: comments behind the last statement.
    """

    source: SourceFile = field(compare=False, repr=False)
    statements: tuple[Statement, ...]
    closing: tuple[Comment, ...] = ()
