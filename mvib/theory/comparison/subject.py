"""A method with what its comparisons need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import Method
from mvib.theory.canonical import CanonicalForm, canonical_form
from mvib.theory.prover import Problem
from mvib.theory.relations import assumptions_of
from mvib.theory.roles import Roles
from mvib.theory.variables import build_model


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A method with what its comparisons need, found once.

    Attributes:
        name: of the method.
        method: the method.
        graph: its graph.
        form: the canonical form.
        data: types of the data that its terms learn from, labels left out.
    """

    name: str
    method: Method = field(repr=False)
    graph: InformationGraph = field(repr=False)
    form: CanonicalForm
    data: tuple[str, ...]

    @cached_property
    def problem(self) -> Problem:
        """What its graph and its assumptions say."""
        model = build_model(self.method, self.graph)
        return Problem(model.network, assumptions_of(self.method, model).assumptions)

    @cached_property
    def roles(self) -> Roles:
        """The roles of its variables."""
        return Roles(self.graph)


def build_subject(method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]) -> Subject:
    """What comparisons need of a method."""
    form = canonical_form(method, graph, readings)
    named = {str(member) for goal in form.halves for members in goal.casting.values() for member in members}
    data = sorted(
        variable.type
        for name, variable in graph.variables.items()
        if variable.is_observed
        and variable.type != "label"
        and any(name == other or graph.is_computed_from(name, other) for other in named)
    )
    return Subject(name=method.name, method=method, graph=graph, form=form, data=tuple(data))
