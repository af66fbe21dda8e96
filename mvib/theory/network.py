"""What a graph says about a joint law: which variables separate which, and which are functions of which."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mvib.theory.expression import Variables


@dataclass(frozen=True)
class Network:
    """A Bayesian network with functional nodes.

    Sets of variables are whole numbers inside, bit k for the k-th name, which makes separation quick.

    Attributes:
        parents: of each variable, parents before children.
        functions: variables that are a function of their parents.
        hidden: variables that stand for a common cause; no claim is about them.
        weights: of variables that are made in one way from their parents, the one name of that way.
    """

    parents: Mapping[str, Sequence[str]]
    functions: Variables = frozenset()
    hidden: Variables = frozenset()
    weights: Mapping[str, str] = field(default_factory=dict)
    _separations: dict[tuple[int, int, int], bool] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The variables, parents before children."""
        return tuple(self.parents)

    @cached_property
    def position(self) -> Mapping[str, int]:
        """The place of each variable among the names."""
        return {name: i for i, name in enumerate(self.parents)}

    @cached_property
    def _parents(self) -> tuple[int, ...]:
        return tuple(self.mask(names) for names in self.parents.values())

    @cached_property
    def _functions(self) -> tuple[tuple[int, int], ...]:
        return tuple((i, self._parents[i]) for name, i in self.position.items() if name in self.functions)

    def mask(self, names: Iterable[str]) -> int:
        """A set of variables as a number.

        Raises:
            KeyError: a name is no variable.
        """
        position, mask = self.position, 0
        for name in names:
            mask |= 1 << position[name]
        return mask

    def closure(self, mask: int) -> int:
        """The set with all that is a function of it."""
        for i, parents in self._functions:
            # Parents stand before children: one pass finds all.
            if parents & ~mask == 0:
                mask |= 1 << i
        return mask

    def ancestors(self, mask: int) -> int:
        """The set with everything that it is computed from."""
        for i in range(len(self._parents) - 1, -1, -1):
            if mask >> i & 1:
                mask |= self._parents[i]
        return mask

    def separated(self, first: int, second: int, given: int) -> bool:
        """d-separation of disjoint sets; what was found once is remembered."""
        key = (first, second, given)
        known = self._separations.get(key)
        if known is None:
            known = self._separations[key] = self.is_separated(first, second, given)
        return known

    def is_separated(self, first: int, second: int, given: int) -> bool:
        """d-separation of disjoint sets, in the moral graph of their ancestors (Lauritzen et al. 1990)."""
        # Neighbours are the usual case, and quick to see.
        if any(self._parents[i] & second for i in _bits(first)) or any(self._parents[i] & first for i in _bits(second)):
            return False
        members = list(_bits(self.ancestors(first | second | given)))
        neighbours = dict.fromkeys(members, 0)
        for child in members:
            family = self._parents[child] | 1 << child
            for member in _bits(family):
                neighbours[member] |= family
        reached, front = first, first
        while front:
            following = 0
            for member in _bits(front):
                following |= neighbours[member]
            if following & second:
                return False
            front = following & ~reached & ~given
            reached |= front
        return True


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
