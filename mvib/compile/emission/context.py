"""What all writers of one file share."""

import keyword
import unicodedata
from dataclasses import dataclass

from mvib.compile.emission.expressions import argument_expression, literal, scalar_expression
from mvib.compile.emission.library import Library
from mvib.compile.emission.names import Names
from mvib.compile.emission.probe import Probe
from mvib.compile.execution import Networks
from mvib.compile.model import CompiledModel
from mvib.semantics.values import ArgumentValue, BoundCall, Scalar, is_constant, value_at


@dataclass(slots=True, kw_only=True)
class Context:
    """What a file is about, and the names in it.

    Attributes:
        model: that is written.
        backbone: what `backbone()` stands for, None for the default of the shape.
        probe: what a run of it showed.
        library: pieces of the package that the file needs.
        attributes: names of the module's own attributes; parameters of the spec are keyed by their names.
        parameters: parameters of the spec that the file uses, with their values.
        kept: attributes that hold something of a batch until the end of the step.
    """

    model: CompiledModel
    backbone: BoundCall | None
    probe: Probe
    library: Library
    attributes: Names
    parameters: dict[str, Scalar]
    kept: list[str]

    def parameter(self, name: str, value: Scalar) -> str:
        """How the value of a parameter is written: an attribute of the module under its name."""
        self.parameters.setdefault(name, value)
        return f"self.{self.attributes.of(name, name)}"

    def scalar(self, value: Scalar) -> str:
        """A number of the spec at the present progress."""
        return scalar_expression(value, named=self.parameter, library=self.library)

    def argument(self, value: ArgumentValue) -> str:
        """An argument of a builder or an estimator."""
        return argument_expression(value, named=self.parameter, library=self.library)

    def network(self, name: str) -> str:
        """Where the module has a network of the plan; of one that borrows weights, the one whose they are."""
        key = key_of(self.model.networks, name)
        return child("self.networks", key)

    def auxiliary(self, name: str) -> str:
        """Where the module has a critic, a fitted density or a discriminator."""
        return child("self.objective.auxiliaries", key_of(self.model.objective.auxiliaries, name))

    def parameter_signature(self) -> list[str]:
        """The parameters of the spec that stay as they are, as arguments with their values."""
        signature = []
        for name, value in self.parameters.items():
            if is_constant(value):
                number = value_at(value, 0.0)
                signature.append(f"{self.attributes.of(name, name)}: {type(number).__name__} = {literal(number)}")
        return signature


def key_of(networks: Networks, name: str) -> str:
    """The name under which a container has a network."""
    module = networks[name]
    return next(key for key, found in networks.named_children() if found is module)


def is_attribute(key: str) -> bool:
    """Whether Python takes a key as it is behind a dot, in a class too."""
    plain = key.isidentifier() and not keyword.iskeyword(key) and not key.startswith("__")
    return plain and unicodedata.normalize("NFKC", key) == key


def child(owner: str, key: str) -> str:
    """A submodule of a module."""
    return f"{owner}.{key}" if is_attribute(key) else f"{owner}.get_submodule({literal(key)})"
