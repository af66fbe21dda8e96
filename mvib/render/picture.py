"""What a diagram shows, before anything has a place: circles, arrows, arcs, plates and a legend."""

from dataclasses import dataclass
from enum import Enum

from mvib.render.markup import Formula


class Fill(Enum):
    """How a circle is filled."""

    DATA = "data"
    VIEW = "view"
    REPRESENTATION = "representation"
    TARGET = "target"


class Stroke(Enum):
    """How an arrow is drawn."""

    VIEW = "view"
    ENCODER = "encoder"
    DECODER = "decoder"
    MOMENTUM = "momentum copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A variable.

    Attributes:
        name: `Z[1]`; what arrows refer to.
        label: its name as a formula.
        fill: by its kind.
        is_partial: whether only some examples have it.
        is_represented: whether it is what probes and exports take.
        plate: key of its plate, empty for none.
        index: its place in the plate.
        gap_before: whether members of its family in front of it are left out.
        parents: the variables it is made from.
    """

    name: str
    label: Formula
    fill: Fill
    is_partial: bool = False
    is_represented: bool = False
    plate: str = ""
    index: tuple[int, ...] = ()
    gap_before: bool = False
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A channel.

    Attributes:
        source: name of a circle.
        target: name of a circle.
        label: the module, or the view channel; empty for the further inputs of one module.
        stroke: by its kind.
        colour: of its weights, or of the term that uses it.
        terms: numbers of the terms whose information passes it.
        is_stopped: whether no gradient passes it.
    """

    source: str
    target: str
    label: Formula
    stroke: Stroke
    colour: str
    terms: tuple[int, ...] = ()
    is_stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    """What a term relates: a line between two variables, or (`second` empty) a mark at one."""

    first: str
    second: str
    term: int
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """Family indices: a box around what has them, or several where something else stands between.

    Attributes:
        key: what the circles refer to.
        axes: the names of the indices.
    """

    key: str
    axes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRow:
    """A line of the legend about a term of the objective; `subset` are the examples it is about, empty for all."""

    number: int
    colour: str
    formula: Formula
    estimator: str
    bound: str
    subset: str

    @property
    def promise(self) -> str:
        """What the term is estimated by, in which direction that is off, and for which examples."""
        return ", ".join((self.estimator, self.bound, *([f"on {self.subset}"] if self.subset else ())))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleRow:
    """A line of the legend about a set of weights."""

    label: Formula
    text: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A diagram without places.

    Attributes:
        title: name of the method.
        objective: the formula of what is minimised, in pieces between which a line may break.
        about: documentation and citations, one a line.
        circles: the variables in the order of their declaration.
        arrows: views and encoders, then decoders.
        arcs: what the terms relate.
        plates: by their first appearance.
        terms: legend of the objective.
        modules: legend of the weights.
    """

    title: str
    objective: tuple[Formula, ...]
    about: tuple[str, ...]
    circles: tuple[Circle, ...]
    arrows: tuple[Arrow, ...]
    arcs: tuple[Arc, ...]
    plates: tuple[Plate, ...]
    terms: tuple[TermRow, ...]
    modules: tuple[ModuleRow, ...]

    def circle(self, name: str) -> Circle:
        """The circle of a variable."""
        return next(circle for circle in self.circles if circle.name == name)

    @property
    def encodings(self) -> tuple[Arrow, ...]:
        """The arrows of p: views and encoders."""
        return tuple(arrow for arrow in self.arrows if arrow.stroke is not Stroke.DECODER)

    @property
    def decodings(self) -> tuple[Arrow, ...]:
        """The arrows of decoders."""
        return tuple(arrow for arrow in self.arrows if arrow.stroke is Stroke.DECODER)
