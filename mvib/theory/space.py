"""The joint entropies of a few variables, reduced by what is known to be equal, and the elemental inequalities on them.

H(S) equals H of the closure of S under functions, and falls apart where S has two members that the rest separates:
H(i, j, K) = H(i, K) + H(j, K) - H(K). What remains are few coordinates, and few elemental inequalities that differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from mvib.theory.network import Network

Integers = npt.NDArray[np.int64]
_MAX_ENTRIES = 8_000_000


@dataclass(frozen=True, slots=True)
class Independence:
    """I(A; B | C) = 0 between sets of a space, as numbers.

    Attributes:
        first: A.
        second: B.
        given: C.
        assumption: which of the assumptions says so.
    """

    first: int
    second: int
    given: int
    assumption: int


@dataclass(frozen=True)
class Elementals:
    """All I(i; j | K) of n variables, then all H(i | the rest): every inequality of Shannon is a sum of these.

    Attributes:
        first: i, as the number of a set.
        second: j likewise, 0 for the entropies.
        given: K.
    """

    first: Integers
    second: Integers
    given: Integers

    def __len__(self) -> int:
        return len(self.first)


@lru_cache(maxsize=16)
def elementals(num_variables: int) -> Elementals:
    """The elemental quantities of Shannon's cone (Yeung 2008, section 14.1)."""
    whole = (1 << num_variables) - 1
    sets = np.arange(1 << num_variables, dtype=np.int64)
    parts: list[tuple[Integers, int, int]] = []
    for i in range(num_variables):
        for j in range(i + 1, num_variables):
            pair = 1 << i | 1 << j
            parts.append((sets[sets & pair == 0], 1 << i, 1 << j))
    singles = [(np.array([whole ^ 1 << i], dtype=np.int64), 1 << i, 0) for i in range(num_variables)]
    nothing = np.zeros(0, dtype=np.int64)
    every = [*parts, *singles, (nothing, 0, 0)]
    return Elementals(
        first=np.concatenate([np.full(len(given), i, dtype=np.int64) for given, i, _ in every]),
        second=np.concatenate([np.full(len(given), j, dtype=np.int64) for given, _, j in every]),
        given=np.concatenate([given for given, _, _ in every]),
    )


@dataclass(frozen=True)
class Space:
    """The entropies of some variables of a network, each of which may be a joint one.

    Attributes:
        network: what separates what.
        blocks: the variables, each a set of the network's as a number.
        functional: whether it counts that some variables are functions of others.
        independences: what is assumed beyond the network.
    """

    network: Network
    blocks: tuple[int, ...]
    functional: bool = False
    independences: tuple[Independence, ...] = ()

    @property
    def size(self) -> int:
        """Number of sets, the empty one included."""
        return 1 << len(self.blocks)

    @property
    def elementals(self) -> Elementals:
        """All elemental quantities."""
        return elementals(len(self.blocks))

    @cached_property
    def unions(self) -> tuple[int, ...]:
        """The set of the network's variables that each set of the space stands for."""
        unions = [0]
        for block in self.blocks:
            unions += [union | block for union in unions]
        return tuple(unions)

    @cached_property
    def closures(self) -> tuple[int, ...]:
        """Each set with the variables that are functions of it."""
        if not self.functional:
            return tuple(range(self.size))
        found = []
        for union in self.unions:
            closed = self.network.closure(union)
            found.append(sum(1 << k for k, block in enumerate(self.blocks) if block & ~closed == 0))
        return tuple(found)

    @cached_property
    def zeros(self) -> tuple[npt.NDArray[np.bool_], Integers]:
        """Which elemental quantities are zero, and by which assumption, -1 where by the network."""
        table = self.elementals
        by_assumption = np.full(len(table), -1, dtype=np.int64)
        zero = np.zeros(len(table), dtype=np.bool_)
        for known in self.independences:
            all_three = known.first | known.second | known.given
            inside = (table.given & ~all_three == 0) & (known.given & ~table.given == 0) & (table.second != 0)
            straight = (table.first & known.first != 0) & (table.second & known.second != 0)
            crossed = (table.first & known.second != 0) & (table.second & known.first != 0)
            new = inside & (straight | crossed) & ~zero
            by_assumption[new] = known.assumption
            zero |= new
        if not self.network.parents:
            return zero, by_assumption
        unions = self.unions
        rows = zip(table.first.tolist(), table.second.tolist(), table.given.tolist(), zero.tolist(), strict=True)
        by_network = [
            not known and bool(j) and self._separated(unions[i], unions[j], unions[given])
            for i, j, given, known in rows
        ]
        separated = np.array(by_network, dtype=np.bool_)
        by_assumption[separated] = -1
        return zero | separated, by_assumption

    def _separated(self, first: int, second: int, given: int) -> bool:
        """Separation, and with functions what Geiger, Verma and Pearl (1990) call D-separation."""
        if self.functional:
            given = self.network.closure(given)
        first, second = first & ~given, second & ~given
        if first & second:
            return False
        return not first or not second or self.network.separated(first, second, given)

    @cached_property
    def splits(self) -> Mapping[int, int]:
        """For each closed set that falls apart the elemental quantity that is zero, by its place in the table."""
        zero, _ = self.zeros
        table, closures = self.elementals, self.closures
        found: dict[int, int] = {}
        for row in np.flatnonzero(zero).tolist():
            i, j, given = int(table.first[row]), int(table.second[row]), int(table.given[row])
            whole = i | j | given
            if whole in found or closures[whole] != whole:
                continue
            if closures[i | given] != whole and closures[j | given] != whole:
                found[whole] = row
        return found

    @property
    def is_small(self) -> bool:
        """Whether the elemental quantities in the coordinates that remain fit into memory, and into seconds."""
        num_free = sum(closed == s for s, closed in enumerate(self.closures)) - len(self.splits)
        return num_free * len(self.elementals) <= _MAX_ENTRIES

    @cached_property
    def reduction(self) -> Integers:
        """Each joint entropy in the coordinates that remain: one row a set."""
        table, closures = self.elementals, self.closures
        closed = sorted((s for s in range(self.size) if closures[s] == s), key=int.bit_count)
        free = [s for s in closed if s not in self.splits and s != closures[0]]
        rows = np.zeros((self.size, len(free)), dtype=np.int64)
        rows[free, range(len(free))] = 1
        for s in closed:
            row = self.splits.get(s)
            if row is not None:
                i, j, given = int(table.first[row]), int(table.second[row]), int(table.given[row])
                rows[s] = rows[closures[i | given]] + rows[closures[j | given]] - rows[closures[given]]
        return rows[list(closures)]

    @cached_property
    def reduced_elementals(self) -> Integers:
        """Every elemental quantity in the coordinates that remain: one row each."""
        table, r = self.elementals, self.reduction
        is_information = (table.second != 0)[:, None]
        joint = r[table.second | table.given] - r[table.first | table.second | table.given]
        reduced: Integers = r[table.first | table.given] - r[table.given] + joint * is_information
        return reduced

    @cached_property
    def inequalities(self) -> tuple[Integers, list[int]]:
        """The rows that are at least zero, each once, and their places in the table."""
        zero, _ = self.zeros
        return self._distinct(np.flatnonzero(~zero))

    @cached_property
    def equalities(self) -> tuple[Integers, list[int]]:
        """The rows that are zero although no reduction says so, likewise."""
        zero, _ = self.zeros
        return self._distinct(np.flatnonzero(zero))

    def _distinct(self, places: npt.NDArray[np.intp]) -> tuple[Integers, list[int]]:
        rows = self.reduced_elementals[places]
        nonzero = rows.any(axis=1)
        rows, places = rows[nonzero], places[nonzero]
        first: dict[bytes, int] = {}
        for k, row in enumerate(rows.astype(np.int16)):
            first.setdefault(row.tobytes(), k)
        kept = list(first.values())
        return rows[kept], places[kept].tolist()
