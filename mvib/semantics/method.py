"""The typed method: what a spec means once names are bound, families expanded and arguments checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from mvib.catalogue.signature import Bound, EstimatorEntry, Form
from mvib.semantics.values import BoundCall, Scalar
from mvib.source import SourceFile, Span
from mvib.syntax import ast


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A variable, or one member of a family: `X`, `Z[1]`, `C[2,1]`."""

    family: str
    index: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.family}[{','.join(map(str, self.index))}]" if self.index else self.family


class VariableKind(Enum):
    """What a variable is in the graph."""

    DATA = "data"
    VIEW = "view"
    REPRESENTATION = "representation"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Axis:
    """An index of a family with the name it was declared under."""

    name: str
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A declared variable with all its members; a plain variable has one member with an empty index.

    Attributes:
        name: its name.
        kind: data, view, representation or target.
        type: `image`, `vector`, `label`, ...; empty for representations.
        partial: whether only some examples have it.
        axes: its indices.
        members: in the order of their indices.
        span: where it is declared.
    """

    name: str
    kind: VariableKind
    type: str = ""
    partial: bool = False
    axes: tuple[Axis, ...] = ()
    members: tuple[Member, ...]
    span: Span = field(compare=False, repr=False)

    @property
    def key(self) -> str:
        """Its key among the variables: a family `X[i]` lives beside a plain `X`."""
        return f"{self.name}[]" if self.axes else self.name


class ChannelKind(Enum):
    """What a channel is in the graph."""

    VIEW = "view"
    ENCODER = "encoder"
    DECODER = "decoder"


class Gradient(Enum):
    """How gradients pass a module."""

    TRAINED = "trained"
    MOMENTUM = "momentum"
    STOPPED = "stopped"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A set of weights, or a view channel.

    Attributes:
        name: its name, with the index for a member of a module family: `f`, `q[2]`.
        family: its name without index.
        kind: view, encoder or decoder.
        stochastic: whether it is a density.
        call: the builder or distribution; None when the spec gives none.
        gradient: trained, a momentum copy, stopped or frozen.
        origin: the module it copies or shares weights with, empty when it has its own.
        against: of a view that is drawn against a prediction, the variable that is predicted.
        span: where it is declared.
    """

    name: str
    family: str
    kind: ChannelKind
    stochastic: bool
    call: BoundCall | None
    gradient: Gradient = Gradient.TRAINED
    origin: str = ""
    against: Member | None = None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One arrow between members: `f: X[1] -> R[1]`.

    Attributes:
        module: the module it applies.
        kind: view, encoder or decoder.
        stochastic: whether its result is drawn.
        sources: what it takes, in order.
        target: what it makes (view, encoder) or predicts (decoder).
        draw: of a view that is drawn together with others, the name of the draw.
        output: which of the variables of the draw it makes, from 0.
        span: the arrow in the file.
    """

    module: str
    kind: ChannelKind
    stochastic: bool
    sources: tuple[Member, ...]
    target: Member
    draw: str = ""
    output: int = 0
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        sources = ", ".join(map(str, self.sources))
        arrow = "~>" if self.stochastic else "->"
        return f"{self.module}: {f'({sources})' if len(self.sources) > 1 else sources} {arrow} {self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityVariable:
    """A variable inside a quantity; `stopped` when its gradient is cut by `sg`."""

    member: Member
    stopped: bool = False

    def __str__(self) -> str:
        return f"sg({self.member})" if self.stopped else str(self.member)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """An information quantity between members.

    Attributes:
        functional: `H`, `I`, `TC` or `D`.
        groups: its arguments, each a joint variable.
        condition: what it is conditioned on.
        prior: the prior of a `D`.
        path: names of the channels of its path, empty when the spec leaves it out.
        span: the quantity in the file.
    """

    functional: str
    groups: tuple[tuple[QuantityVariable, ...], ...]
    condition: tuple[QuantityVariable, ...] = ()
    prior: BoundCall | None = None
    path: tuple[str, ...] = ()
    span: Span = field(compare=False, repr=False)

    @property
    def form(self) -> Form:
        """Its shape."""
        match self.functional, bool(self.condition):
            case "H", False:
                return Form.ENTROPY
            case "H", True:
                return Form.CONDITIONAL_ENTROPY
            case "I", False:
                return Form.INFORMATION
            case "I", True:
                return Form.CONDITIONAL_INFORMATION
            case "TC", _:
                return Form.TOTAL_CORRELATION
            case _:
                return Form.DIVERGENCE

    @property
    def members(self) -> tuple[Member, ...]:
        """All members it speaks of, conditions last."""
        return tuple(v.member for group in (*self.groups, self.condition) for v in group)

    def __str__(self) -> str:
        path = f"[{', '.join(self.path)}]" if self.path else ""
        inside = "; ".join(", ".join(map(str, group)) for group in self.groups)
        if self.condition:
            inside += " | " + ", ".join(map(str, self.condition))
        if self.prior is not None:
            inside += f" || {self.prior.name}"
        return f"{self.functional}{path}({inside})"


class ReferenceKind(Enum):
    """What a rate is measured against."""

    PRIOR = "prior"
    DECODER = "decoder"
    ENCODER = "encoder"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateReference:
    """The reference density of a rate: a prior, a decoder, or an encoder applied to another variable."""

    kind: ReferenceKind
    name: str
    at: Member | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TermInstance:
    """A term for one assignment of its indices.

    Attributes:
        indices: values of the aggregated indices.
        quantity: the quantity between members.
        share: factor of this instance in the aggregate: 1 for a sum, 1/n for a mean.
        decoder: the decoder channel that estimates it, if any.
        reference: the reference of a rate, if any.
        variables: variables that are arguments of the estimator, by the name of the argument.
        weight: the variable that weighs the examples, None when each counts the same.
    """

    indices: tuple[tuple[str, int], ...]
    quantity: Quantity
    share: Fraction
    decoder: Channel | None = None
    reference: RateReference | None = None
    variables: tuple[tuple[str, Member], ...] = ()
    weight: Member | None = None


class Direction(Enum):
    """Whether a quantity is pushed up or down."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of the objective.

    Attributes:
        label: the user's label, or one made from the text.
        direction: maximize or minimize.
        weight: its weight, 1 when none is given.
        aggregate: text of the aggregation, such as `mean(i != j)`, empty when there is none.
        text: the quantity as written.
        instances: one for each assignment of the aggregated indices.
        estimator: the catalogue entry, None when a decoder of the spec estimates it.
        call: the estimator with its arguments, None for a decoder.
        subset: `labelled` or `unlabelled` with the partial variable meant, empty for all examples.
        of_all: whether the term counts by the share of the batch that its subset is: the examples outside add nothing
            to a mean over all.
        span: the statement.
    """

    label: str
    direction: Direction
    weight: Scalar
    aggregate: str
    text: str
    instances: tuple[TermInstance, ...]
    estimator: EstimatorEntry | None
    call: BoundCall | None
    subset: tuple[str, Member] | None = None
    of_all: bool = False
    span: Span = field(compare=False, repr=False)

    @property
    def estimator_name(self) -> str:
        """Name behind `by`."""
        decoder = self.instances[0].decoder
        return self.call.name if self.call is not None else decoder.module if decoder is not None else ""

    @property
    def bound(self) -> Bound:
        """Direction of the estimate; a decoder bounds by the variational inequality (review, equation 7)."""
        form = self.instances[0].quantity.form
        if self.estimator is None:
            return Bound.UPPER if form is Form.CONDITIONAL_ENTROPY else Bound.LOWER
        return self.estimator.bound_of(form, self.call.words() if self.call is not None else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearTerm:
    """A coefficient times a quantity, a symbol, or (both None) one."""

    coefficient: Fraction
    quantity: Quantity | None = None
    symbol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearRelation:
    """`left - right` as a linear combination, compared with zero: `<=`, `>=` or `=`."""

    terms: tuple[LinearTerm, ...]
    operator: str
    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkovChain:
    """`A -- B -- C`: each link is independent of those beyond its neighbours given the neighbours."""

    links: tuple[tuple[Member, ...], ...]
    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """A named assumption such as `gaussian(Z[1])`."""

    name: str
    members: tuple[Member, ...]
    text: str
    span: Span = field(compare=False, repr=False)


Fact = LinearRelation | MarkovChain | Predicate


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A hyperparameter."""

    name: str
    value: Scalar
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Where a method comes from."""

    text: str
    arxiv: str = ""
    doi: str = ""


SettingValue = None | int | float | str | BoundCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A resolved spec.

    Attributes:
        name: of the method.
        about: its documentation.
        citations: its sources.
        parameters: by name.
        variables: families by `Family.key`, in topological order.
        modules: view channels, encoders and decoders by name.
        channels: every arrow between members; views and encoders in topological order, then decoders.
        terms: the objective.
        assumptions: what is assumed.
        claims: what must follow.
        represent: the representation.
        settings: train settings with defaults filled in.
        spec: the tree it was made from, after inheritance and overrides.
        source: the file.
    """

    name: str
    about: str = ""
    citations: tuple[Citation, ...] = ()
    parameters: Mapping[str, Parameter]
    variables: Mapping[str, Family]
    modules: Mapping[str, Module]
    channels: tuple[Channel, ...]
    terms: tuple[Term, ...]
    assumptions: tuple[Fact, ...] = ()
    claims: tuple[LinearRelation, ...] = ()
    represent: tuple[Member, ...]
    settings: Mapping[str, SettingValue]
    spec: ast.Spec = field(compare=False, repr=False)
    source: SourceFile = field(compare=False, repr=False)

    def family_of(self, member: Member) -> Family:
        """The family a member belongs to."""
        return self.variables[f"{member.family}[]" if member.index else member.family]
