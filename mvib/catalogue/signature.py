"""What a spec may call, as data: arguments, promises, and where the implementation lies. Nothing here imports torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """Kind of value an argument takes; the value is how a message calls it."""

    NUMBER = "a number"
    INTEGER = "a whole number"
    BOOLEAN = "`true` or `false`"
    CHOICE = "one of a few words"
    RANGE = "a range such as `1..4`"
    INTERVAL = "two numbers such as `(0.2, 1)`"
    MODULE = "a module such as `mlp(512, 128)`"
    DISTRIBUTION = "a distribution such as `normal`"
    CRITIC = "a critic such as `joint(1024, 1024)`"
    ENCODER = "the name of an encoder or decoder"
    OPTIMIZER = "an optimizer such as `adamw(lr: 1e-3)`"
    SCHEDULE = "a learning-rate schedule such as `cosine(warmup: 0.05)`"
    SOURCE = "a data set such as `digits`"
    MEMORY = "a memory such as `queue(4096)`"
    VARIABLE = "a variable such as `Y` or `Z[1]`"


class Required(Enum):
    """The default of an argument that has none."""

    REQUIRED = "required"


REQUIRED = Required.REQUIRED
Default = float | int | bool | str | tuple[float, ...] | None | Required


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of something a spec may call.

    Attributes:
        name: as written in a spec.
        kind: what it takes.
        default: value when it is left out; `REQUIRED` if it may not be, None if leaving it out means something.
        positional: whether it may be given without its name.
        variadic: whether it takes all positional arguments, as the widths of `mlp(512, 128)`.
        choices: the words of a `Kind.CHOICE`, or words allowed beside the kind (`var: learned`).
        minimum: least value allowed, exclusive when `open_minimum`.
        open_minimum: whether the minimum itself is refused.
        maximum: greatest value allowed.
        scheduled: whether a schedule over training may stand for the number.
        learnable: whether `learned` or `learned(0.07)` may stand for the number, which then is trained from there; a
            number that must be positive stays so.
        learned_minimum: the least value that training may bring it to.
        is_label: of a `Kind.VARIABLE`, whether it is a label; else it holds rows.
        about: what it means, in a line.
    """

    name: str
    kind: Kind = Kind.NUMBER
    default: Default = REQUIRED
    positional: bool = False
    variadic: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    open_minimum: bool = False
    maximum: float | None = None
    scheduled: bool = False
    learnable: bool = False
    learned_minimum: float | None = None
    is_label: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something a spec may call by name.

    Attributes:
        name: as written in a spec.
        about: what it is, in one sentence.
        arguments: its arguments in positional order.
        source: paper and equation, or the code it follows.
        implementation: dotted path `package.module:object`, imported only when a model is compiled.
    """

    name: str
    about: str
    arguments: tuple[Argument, ...] = ()
    source: str = ""
    implementation: str = ""


class Bound(Enum):
    """Direction of an estimate with respect to the quantity it is of."""

    LOWER = "lower bound"
    UPPER = "upper bound"
    EXACT = "exact"
    SURROGATE = "surrogate"


class Reduction(Enum):
    """How an estimate crosses the ranks of a distributed run."""

    REDUCE = "sufficient statistics are averaged over ranks"
    GATHER = "rows are gathered from all ranks"
    LOCAL = "each example stands alone; the mean over ranks is exact"


class Form(Enum):
    """A shape of quantity that an estimator can take; the value is how it is written."""

    ENTROPY = "H(A)"
    CONDITIONAL_ENTROPY = "H(A | B)"
    INFORMATION = "I(A; B)"
    CONDITIONAL_INFORMATION = "I(A; B | C)"
    TOTAL_CORRELATION = "TC(A; B; C)"
    DIVERGENCE = "D(A || prior)"


class Rows(Enum):
    """Transform of the rows of a variable that an estimator asks for; the plan computes each once.

    The names are those of the functions of `mvib.estimators.rows`.
    """

    RAW = "raw"
    UNIT = "unit"
    CENTERED = "centered"
    STANDARDIZED = "standardized"


class Widths(Enum):
    """What widths the variables of an estimator of rows have, where they need not be of one shape; a label has none."""

    ANY = "any"
    ONE = "one for all"
    SIDE_BY_SIDE = "one for all but the last, which is as wide as the others together"


class Spread(Enum):
    """How something keeps a representation from being the same for every example."""

    REPULSION = "its best value is not reached where all rows are one: negatives, an entropy, whitening, a prior"
    EVENNESS = "all classes are to be predicted equally often, which predictions that are all uniform do too"
    SURENESS = "its best value is reached only where the prediction of each example is one class"
    BALANCE = "every class gets an equal share of the batch"
    WHITENING = "features of the batch have unit variance and no correlation"
    CENTRING = "the mean of the batch is taken off, so that no class wins everywhere"
    SHARPENING = "probabilities are brought nearer to one class, so that they are not uniform"


class Interface(Enum):
    """How an estimator is called by the compiled model."""

    ROWS = "the rows of each variable of the quantity"
    RATE = "the density of an encoder at its sample, and a reference density"
    CRITIC = "the scores of a critic on joint and on shuffled pairs"
    CONDITIONAL = "a conditional density q(b given a), and the rows of b"
    LABELS = "rows of logits, and labels"
    DECODER = "the log-likelihood of a decoder of the spec"
    DISCRIMINATOR = "the scores of a discriminator on the rows and on rows drawn from a prior"


class Invariance(Enum):
    """A transform of each variable on its own under which an estimate stays what it is."""

    TRANSLATION = "a shift of all rows"
    ROTATION = "a rotation of all rows"
    SCALE = "a positive factor on all rows"
    ROW_SCALE = "a positive factor on each row"
    COLUMN_AFFINE = "a shift and a positive factor on each column"
    LINEAR = "an invertible linear map and a shift of all rows"
    SWAP = "an exchange of the two variables"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """How many rows a true one is told from, itself among them: the estimate cannot exceed the log of their number.

    The number is `rows * N + memory * K + offset`, N the rows of a batch and K those of a memory.

    Attributes:
        argument: the argument on which the number depends, empty when it depends on none.
        word: the value of that argument, or the name of the call that is its value; `*` stands for any that is given.
        rows: factor of the rows of a batch.
        memory: factor of the rows of the memory.
        offset: added.
    """

    argument: str = ""
    word: str = "*"
    rows: int = 0
    memory: int = 0
    offset: int = 0


def _fits(words: Mapping[str, str], argument: str, word: str) -> bool:
    """Whether an argument has a value; `*` stands for any."""
    return argument in words and word in ("*", words[argument].partition("(")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatorEntry(Entry):
    """An estimator and what it promises.

    Attributes:
        forms: quantities it estimates.
        bound: direction of the estimate.
        exact_when: condition under which the bound is exact, empty when never.
        formula: the estimate as computed, in plain text.
        needs: what it needs of its variables.
        couples_batch: whether the value for one example depends on the others of the batch.
        exact_under: names of assumptions of a spec (`PREDICATES`) about all variables of the quantity that make the
            estimate exact, once the rest of `exact_when` holds.
        saturation: the value it cannot exceed, empty when there is none.
        candidates: where that value is the log of a number of rows, their number: the first that fits.
        units: `nats`, or `none` for a surrogate.
        reduction: how it crosses ranks.
        rows: transform of the rows it takes.
        interface: how it is called.
        drops: constants left out of the estimate, empty when none.
        constant: dotted path of a function of the same arguments that gives the part of the estimate that depends on
            no parameter; the loss leaves it out, so that it is the authors' number.
        by_form: implementations for some of the forms in the place of `implementation`.
        with_critic: dotted path of the implementation from the scores of a critic, where a critic may be given.
        constant_with_critic: what `constant` is to `implementation`, to `with_critic`.
        bound_when: direction of the bound where an argument has a value: (argument, word, bound); the word `*` stands
            for any value that is given, the name of a call for any such call. The first that fits is taken.
        slack_when: by how much a bound may miss, where an argument has a value: (argument, word, how much); likewise.
        bound_by_form: direction of the bound for some of the forms in the place of `bound`.
        invariances: transforms that leave the estimate as it is.
        differentiable: whether gradients pass it; one that has none is for measuring, and no term can use it.
        joins: whether a joint variable reaches it as one table of rows side by side, or each variable on its own.
        draws_prior: whether rows drawn from the prior of a divergence are its last input.
        same_width: whether its variables must have one shape.
        widths: what widths they have where they need not.
        any_shape: whether they may be images or sequences too, and not vectors only.
        averaged: dotted path of a function of the same inputs whose moving average over batches it wants as
            `log_normalizer` where its argument `ema` is given.
        labelled: forms whose last variable is a label.
        drawn_once: dotted path of a function of its first input, and of those of its arguments that it has, which gives
            by keyword what is drawn; all quantities of a term with rows of one shape share one draw.
        memory: dotted path of a module that takes the same inputs and `ranks`, and gives by keyword what it remembers
            of earlier batches; it is built with the width of the rows and those of the arguments it has.
        fit: dotted path of what a discriminator minimises, of its scores on rows of the prior and on those given.
        takes_labels: whether the last variable may be a label beside rows, a whole number a row, told by its type.
        grows: whether the value, or most of it, grows in proportion to the number of rows.
        spreads: of which of its forms, taken in the direction in which it trains, a representation that is constant is
            no optimum, or not on its own, and by what. H(A) and I(A; B) are maximised, H(A | B) and D minimised.
        spreads_by: arguments that take the spread away where they are zero.
        contrasts: whether it tells an example from others, its negatives.
    """

    forms: tuple[Form, ...]
    bound: Bound
    exact_when: str = ""
    exact_under: tuple[str, ...] = ()
    formula: str
    needs: str
    couples_batch: bool
    saturation: str = ""
    candidates: tuple[Candidates, ...] = ()
    units: str = "nats"
    reduction: Reduction
    rows: Rows = Rows.RAW
    interface: Interface = Interface.ROWS
    drops: str = ""
    constant: str = ""
    by_form: tuple[tuple[Form, str], ...] = ()
    with_critic: str = ""
    constant_with_critic: str = ""
    bound_when: tuple[tuple[str, str, Bound], ...] = ()
    slack_when: tuple[tuple[str, str, str], ...] = ()
    bound_by_form: tuple[tuple[Form, Bound], ...] = ()
    invariances: tuple[Invariance, ...] = ()
    differentiable: bool = True
    joins: bool = True
    draws_prior: bool = False
    same_width: bool = True
    widths: Widths = Widths.ANY
    any_shape: bool = False
    averaged: str = ""
    labelled: tuple[Form, ...] = ()
    drawn_once: str = ""
    memory: str = ""
    fit: str = ""
    takes_labels: bool = False
    grows: bool = False
    spreads: tuple[tuple[Form, Spread], ...] = field(default=(), repr=False)
    spreads_by: tuple[str, ...] = field(default=(), repr=False)
    contrasts: bool = field(default=False, repr=False)

    def bound_of(self, form: Form | None, words: Mapping[str, str]) -> Bound:
        """Direction of the bound of one call.

        Args:
            form: of the quantity asked for; None where that is not known.
            words: arguments that were given, as a spec writes them.
        """
        for argument, word, bound in self.bound_when:
            if _fits(words, argument, word):
                return bound
        return dict(self.bound_by_form).get(form, self.bound) if form is not None else self.bound

    def slack_of(self, words: Mapping[str, str]) -> str:
        """What has to be taken off a lower bound, or added to an upper one, for it to hold; empty for nothing.

        Args:
            words: arguments that were given, as a spec writes them.
        """
        return next((text for argument, word, text in self.slack_when if _fits(words, argument, word)), "")

    def implementation_of(self, form: Form | None) -> str:
        """Dotted path of the implementation for a form."""
        return dict(self.by_form).get(form, self.implementation) if form is not None else self.implementation


class Layout(Enum):
    """How the numbers of an example lie, by its number of axes; the value is how a message calls it."""

    VECTOR = "a vector"
    SEQUENCE = "a sequence (steps, features)"
    MAP = "an image (channels, height, width)"


class Features(Enum):
    """How many features a module gives where no argument is their number; those of a map are its channels."""

    KEPT = "as many as of what it takes"
    FLATTENED = "all numbers of what it takes"
    UNSAID = "known only once it is built"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The shape of what a module gives, as far as its call says it; of several variables the first is what it takes.

    Attributes:
        layout: of what it gives; None for that of what it takes.
        layout_when: in the place of it where an argument has a value: (argument, word, layout). The first that fits.
        features: how many, or the name of the argument that is their number, of several numbers the last.
        times: factor of the number that is an argument.
    """

    layout: Layout | None = None
    layout_when: tuple[tuple[str, str, Layout], ...] = ()
    features: Features | str = Features.KEPT
    times: int = 1

    def layout_of(self, words: Mapping[str, str]) -> Layout | None:
        """Layout of what one call gives, None for that of what it takes.

        Args:
            words: arguments that were given, as a spec writes them.
        """
        return next((found for name, word, found in self.layout_when if _fits(words, name, word)), self.layout)


class Role(Enum):
    """What a module is to the graph."""

    NETWORK = "a network"
    MOMENTUM = "a momentum copy of an encoder"
    STOP_GRADIENT = "an encoder's output without its gradient"
    FROZEN = "an encoder that is not trained"
    CRITIC = "a critic"
    MEMORY = "a memory of rows of earlier batches"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleEntry(Entry):
    """A builder of networks.

    Attributes:
        takes: the shapes it takes, in words.
        gives: the shape it gives, in words.
        role: what it is to the graph.
        separate: whether several variables reach it each on its own, and not side by side as one vector.
        crosses: whether it computes over the batch, which is that of all ranks: it is called with `ranks`.
        placed: whether it takes and gives the places of tokens beside the tokens.
        aims: whether it is made for what a decoder predicts: it is built with the target's shape and called with the
            places of the target's tokens.
        words: whether it takes tokens of type `tokens`, which are whole numbers, and nothing else.
        couples_batch: whether its output for one example depends on the others of the batch.
        learns: whether it has weights of its own.
        erases: whether some of those weights make its output the same for every input.
        learns_by: name of an argument that, where it is false, leaves it without weights.
        stops_gradient: whether no gradient passes to what it takes.
        spread: how it keeps its output from being the same for every example; None where it does not.
        contents: how many of its sources, from the first, its values come from; the others say where to look. None
            for all.
        layouts: what it can take, each of several variables that reach it on their own; not judged where its role is
            another than that of a network.
        output: the shape of what it gives; None where its call does not say it.
    """

    takes: str = "anything"
    gives: str = "a vector"
    role: Role = Role.NETWORK
    separate: bool = False
    crosses: bool = False
    placed: bool = False
    aims: bool = False
    words: bool = field(default=False, repr=False)
    couples_batch: bool = False
    learns: bool = field(default=True, repr=False)
    erases: bool = field(default=True, repr=False)
    learns_by: str = field(default="", repr=False)
    stops_gradient: bool = field(default=False, repr=False)
    spread: Spread | None = field(default=None, repr=False)
    contents: int | None = field(default=None, repr=False)
    layouts: tuple[Layout, ...] = field(default=tuple(Layout), repr=False)
    output: Output | None = field(default=None, repr=False)


class Support(Enum):
    """Where a distribution has its mass; the value is how a message calls it."""

    REAL = "the whole space"
    INTERVAL = "the unit cube"
    SPHERE = "the unit sphere"
    CODES = "the one-hot codes"
    CLASSES = "the classes"


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionEntry(Entry):
    """A family of distributions for stochastic encoders, decoders and priors.

    Attributes:
        encodes: whether a stochastic encoder may use it (it has a reparameterised sample).
        decodes: whether a decoder may use it.
        is_prior: whether it may stand without a network, as a prior.
        learned_prior: dotted path of the module that it is as a prior with parameters of its own, which are trained
            with the objective; it is made for the shape of the variable. Empty for a fixed prior.
        support: where it has its mass.
        about_types: types of data it can be a density of; empty for any real values.
        loss: the familiar name of minus its log-density.
        drops: constants left out of its log-density, empty when none.
        learns: what of it is trained and by what, where that needs saying.
        closed_form_from: the families from which its relative entropy has a closed form.
        width: name of the argument that is the width of the variable, empty for none.
        layer_when: where an argument has a value, (argument, word), a linear layer of its own follows the network,
            which then may end in any width.
        fits_width: whether the network of a decoder has to end in the width of what it predicts, where neither such a
            layer follows nor the data set that width.
    """

    encodes: bool = False
    decodes: bool = False
    is_prior: bool = False
    learned_prior: str = ""
    support: Support = Support.REAL
    about_types: tuple[str, ...] = ()
    loss: str = ""
    drops: str = ""
    learns: str = ""
    closed_form_from: tuple[str, ...] = ()
    width: str = field(default="", repr=False)
    layer_when: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    fits_width: bool = field(default=False, repr=False)

    def has_layer(self, words: Mapping[str, str]) -> bool:
        """Whether a linear layer of its own follows the network of one call.

        Args:
            words: arguments that were given, as a spec writes them.
        """
        return any(_fits(words, argument, word) for argument, word in self.layer_when)


def is_learned_prior(entry: Entry) -> bool:
    """Whether an entry, as a prior, has parameters that are trained."""
    return isinstance(entry, DistributionEntry) and bool(entry.learned_prior)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEntry(Entry):
    """A view channel p(view given source).

    Attributes:
        takes_types: types of data it can transform.
        deterministic: whether all draws are equal.
        gives_type: type of what it draws; empty for that of its source.
        outputs: how many variables one draw makes together, as in `view (V, T) ~ split(P)`; 0 for as many as are named,
            None for one.
        placed: whether it takes and gives the places of tokens beside the tokens: `forward(source, places)` returns
            a pair of value and places for each variable.
        against: name of the argument that is a variable computed from the source, which the view is to change: it is
            called with that variable and with what computes it from another source. Empty for none.
    """

    takes_types: tuple[str, ...]
    deterministic: bool = False
    gives_type: str = ""
    outputs: int | None = None
    placed: bool = False
    against: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEntry(Entry):
    """A schedule of a parameter over training progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerEntry(Entry):
    """An optimizer of the train block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateEntry(Entry):
    """A learning-rate schedule of the train block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry(Entry):
    """A data set that `train` can name.

    Attributes:
        columns: names and types of what it has.
    """

    columns: tuple[tuple[str, str], ...]
