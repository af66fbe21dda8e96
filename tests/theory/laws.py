"""Random networks, and random discrete joint laws that obey them, with entropies by definition."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from random import Random

import networkx as nx
import numpy as np
import numpy.typing as npt

from mvib.theory.expression import Expression, Variables
from mvib.theory.network import Network


def random_network(random: Random, num: int, *, num_hidden: int = 0, density: float = 0.45) -> Network:
    """A random network; some variables that have parents are functions of them, and the first ones may be hidden."""
    names = [f"U{k}" for k in range(num_hidden)] + [f"V{k}" for k in range(num)]
    parents = {
        name: tuple(above for above in names[:k] if random.random() < density and k >= num_hidden)
        for k, name in enumerate(names)
    }
    functions = frozenset(name for name in names if parents[name] and random.random() < 0.3)
    return Network(parents, functions, frozenset(names[:num_hidden]))


def digraph(network: Network) -> "nx.DiGraph[str]":
    graph = nx.DiGraph()
    graph.add_nodes_from(network.parents)
    graph.add_edges_from((parent, name) for name, parents in network.parents.items() for parent in parents)
    return graph


def complete_network(names: Iterable[str]) -> Network:
    """A network that says nothing."""
    every = tuple(names)
    return Network({name: every[:k] for k, name in enumerate(every)})


def subsets(names: Iterable[str], smallest: int = 0) -> Iterator[Variables]:
    every = sorted(names)
    for size in range(smallest, len(every) + 1):
        yield from map(frozenset, combinations(every, size))


@dataclass(frozen=True)
class Law:
    """A joint law of discrete variables.

    Attributes:
        names: one a dimension of the table.
        table: probabilities.
    """

    names: tuple[str, ...]
    table: npt.NDArray[np.float64]

    def entropy(self, names: Variables) -> float:
        """Joint entropy by definition, in nats."""
        others = tuple(k for k, name in enumerate(self.names) if name not in names)
        p = self.table.sum(axis=others).ravel()
        p = p[p > 0]
        return float(-(p * np.log(p)).sum())

    @cached_property
    def entropies(self) -> dict[Variables, float]:
        return {names: self.entropy(names) for names in subsets(self.names)}

    def value(self, expression: Expression, symbols: dict[str, float] | None = None) -> float:
        """An expression on this law, by its coefficients."""
        known = symbols or {}
        return (
            sum(float(value) * self.entropies[names] for names, value in expression.entropies.items())
            + sum(float(value) * known[name] for name, value in expression.symbols.items())
            + float(expression.constant)
        )


def random_law(network: Network, rng: np.random.Generator) -> Law:
    """Random conditional tables of two or three values, from nearly even ones to nearly functions."""
    names = tuple(network.parents)
    sizes = {name: int(rng.integers(2, 4)) for name in names}
    table = np.ones(())
    for k, name in enumerate(names):
        parents = [above for above in names[:k] if above in network.parents[name]]
        shape = [sizes[above] for above in parents]
        if name in network.functions:
            conditional = np.eye(sizes[name])[rng.integers(0, sizes[name], size=shape)]
        else:
            conditional = rng.dirichlet(np.full(sizes[name], rng.choice([0.1, 0.5, 2.0])), size=shape)
        wide = [sizes[above] if above in parents else 1 for above in names[:k]]
        table = table[..., None] * conditional.reshape(*wide, sizes[name])
    return Law(names, table)
