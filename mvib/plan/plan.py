"""The compiler's intermediate form: what is computed, once each, in a fixed order. The torch module is a printer of it.

Tensors and densities live in two tables under names made from what they are: `Z[1]`, `unit(Z[1])`, `q(Z[1])`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from mvib.catalogue.signature import EstimatorEntry, Form, ModuleEntry, Rows
from mvib.semantics.method import ChannelKind, Direction, Gradient
from mvib.semantics.values import BoundCall, Scalar
from mvib.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A set of weights, or a view channel.

    Attributes:
        name: its name in the spec, `f` or `q[2]`.
        kind: view, encoder or decoder.
        call: what builds it.
        is_density: whether it gives a density.
        gradient: how gradients pass it.
        origin: the network it copies or borrows, empty when it has weights of its own.
        entry: the builder of the network, of a copy that of what it copies, of a density that of the network in front
            of it; None for a view, and where there is no builder.
        span: where it is declared.
    """

    name: str
    kind: ChannelKind
    call: BoundCall | None
    is_density: bool
    gradient: Gradient
    origin: str
    entry: ModuleEntry | None = None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Anything that puts one value into a table under `result`."""

    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Step):
    """A data variable of the batch; of a `partial` one the rows that are missing are zeros."""

    partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw(Step):
    """A view: the channel applied to its source.

    Attributes:
        network: the channel.
        source: what it takes.
        parts: of variables that are drawn together the name of each, empty for one that no term needs; else empty.
        placed: whether the places of tokens go with them.
        span: where it is written.
    """

    network: str
    source: str
    parts: tuple[str, ...] = ()
    placed: bool = False
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack(Step):
    """A view drawn against a prediction: the channel gets the source, the prediction, and what makes it.

    Attributes:
        network: the channel.
        source: what is changed.
        target: the prediction.
        steps: how it is computed from the source.
        span: where it is written.
    """

    network: str
    source: str
    target: str
    steps: tuple[Step, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneHot(Step):
    """A label as a network takes it: one number for each class, all zero where the label is missing."""

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Step):
    """Several variables side by side, each flattened."""

    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply(Step):
    """A deterministic network applied to a value, or to several that reach it each on its own.

    Attributes:
        network: its name.
        sources: what it takes.
        entry: its builder, where it is called with more than values: with ranks, or with places of tokens.
        span: where it is written.
    """

    network: str
    sources: tuple[str, ...]
    entry: ModuleEntry | None = None
    span: Span = field(compare=False, repr=False)

    @property
    def source(self) -> str:
        """The first of what it takes."""
        return self.sources[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Density(Step):
    """A stochastic encoder or a decoder applied to a value; the result is a density, not a tensor.

    `target` is the variable that a decoder predicts, empty for an encoder; `entry` is as for `Apply`.
    """

    network: str
    source: str
    target: str = ""
    entry: ModuleEntry | None = None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Step):
    """One reparameterised draw from a density."""

    density: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean(Step):
    """The mean of a density."""

    density: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Step):
    """A value without its gradient."""

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopDensity(Step):
    """A density without its gradient."""

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform(Step):
    """Rows normalised, centred or standardised, in at least single precision."""

    source: str
    rows: Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(Step):
    """The examples of a value that have all of some partial variables, and lack at least one of others."""

    source: str
    present: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectDensity(Step):
    """The same for a density."""

    source: str
    present: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Auxiliary:
    """A network that belongs to an estimator: a critic, a conditional density that is fitted, or a discriminator.

    Attributes:
        name: of the term, and what it is.
        call: what builds it: a critic, or the network behind the density of the second value given the first.
        is_density: whether it is a density.
        first: the value it takes first; of a density the condition.
        second: the other value; empty for a discriminator, which takes one.
    """

    name: str
    call: BoundCall
    is_density: bool
    first: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One evaluation of an estimator.

    Attributes:
        entry: the estimator; None for the log-likelihood of a decoder.
        call: its arguments.
        inputs: tensors it takes, in order.
        density: the decoder's density, or the code's for a rate.
        reference: the reference density of a rate; empty for a fixed prior.
        prior: the fixed prior of a rate or a divergence.
        auxiliary: the critic it scores pairs with, or the density that is fitted for it.
        form: of the quantity.
        name: of the estimate within the objective, for what it remembers between batches.
        share: its factor in the term.
        is_information: for a decoder, whether H(A) belongs to the estimate (I) or its sign is turned (H).
        label: for a decoder about a label, whose entropy is known, the label.
        variables: values that are arguments of the estimator, by the name of the argument.
        weight: the value that weighs the examples, empty when each counts the same.
        span: the quantity in the file.
    """

    entry: EstimatorEntry | None
    call: BoundCall | None
    inputs: tuple[str, ...]
    density: str = ""
    reference: str = ""
    prior: BoundCall | None = None
    auxiliary: Auxiliary | None = None
    form: Form | None = None
    name: str = ""
    share: Fraction
    is_information: bool = False
    label: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    weight: str = ""
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTerm:
    """A term: its estimates, put together with their shares, enter the loss with sign and weight.

    Where it is `of_all`, also with the share of the batch that it is about.
    """

    label: str
    direction: Direction
    weight: Scalar
    estimates: tuple[Estimate, ...]
    of_all: bool = False
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """Values computed from an unaugmented example: the representation, or what a decoder predicts.

    Attributes:
        steps: what is computed.
        results: names of the tensors (or densities, for predictions) wanted.
        inputs: data variables needed.
    """

    steps: tuple[Step, ...]
    results: tuple[str, ...]
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a compiled model does.

    Attributes:
        networks: in the order in which they are built.
        steps: values shared by the terms, in order.
        terms: the objective.
        variables: names of the variables of p among the values.
        data: data variables with type and whether they are partial.
        representation: how `encode` computes the representation.
        predictions: by decoder, how the mean of its data variable is computed.
        decoder_targets: the data variable each of those decoders predicts.
        couples_batch: whether any term couples the examples of a batch.
    """

    networks: tuple[Network, ...]
    steps: tuple[Step, ...]
    terms: tuple[PlannedTerm, ...]
    variables: tuple[str, ...]
    data: Mapping[str, tuple[str, bool]]
    representation: Readout
    predictions: Mapping[str, Readout]
    decoder_targets: Mapping[str, str]
    couples_batch: bool
