from random import Random

import numpy as np
import pytest

from mvib.theory.expression import Variables, entropy, information
from mvib.theory.network import Network
from mvib.theory.space import Independence, Space, elementals
from tests.theory.laws import Law, complete_network, random_law, random_network


def entropies_of(space: Space, law: Law) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The entropy of each set of a space, by the law."""
    names = space.network.names
    sets = [frozenset(name for k, name in enumerate(names) if union >> k & 1) for union in space.unions]
    return np.array([law.entropy(one) for one in sets])


def assert_reduction_holds(space: Space, law: Law) -> int:
    """H(S) is what its row says of the entropies of the sets that the coordinates are; how many fewer there are."""
    reduction = space.reduction
    width = reduction.shape[1]
    entropies = entropies_of(space, law)
    is_unit = (np.abs(reduction).sum(axis=1) == 1) & (reduction.max(axis=1, initial=0) == 1)
    coordinates = [np.flatnonzero(is_unit & (reduction[:, k] == 1))[0] for k in range(width)]
    np.testing.assert_allclose(reduction @ entropies[coordinates], entropies, atol=1e-9)
    return space.size - 1 - int(width)


@pytest.mark.parametrize("functional", [False, True])
def test_entropies_are_what_the_reduction_makes_of_fewer(functional: bool) -> None:
    random, rng, saved = Random(3), np.random.default_rng(3), 0
    for _ in range(40):
        network = random_network(random, random.randint(3, 6), density=0.3)
        space = Space(network, tuple(1 << k for k in range(len(network.names))), functional=functional)
        for _ in range(3):
            saved += assert_reduction_holds(space, random_law(network, rng))
    assert saved > 500


def test_the_reduction_holds_for_joint_variables_and_parts_of_a_network() -> None:
    random, rng = Random(4), np.random.default_rng(4)
    for _ in range(60):
        network = random_network(random, 6, num_hidden=1, density=0.35)
        blocks: dict[int, int] = {}
        for k in range(1, 7):
            # Block 0 stays out.
            block = random.randint(0, 4)
            blocks[block] = blocks.get(block, 0) | 1 << k
        blocks.pop(0, None)
        space = Space(network, tuple(blocks.values()), functional=random.random() < 0.5)
        assert_reduction_holds(space, random_law(network, rng))


def test_the_reduction_holds_for_assumed_independences() -> None:
    random, rng, used = Random(5), np.random.default_rng(5), 0
    for _ in range(60):
        network = random_network(random, 5, density=0.3)
        known: list[Independence] = []
        for _ in range(6):
            sides = [0, 0, 0, 0]
            for k in range(5):
                sides[random.randrange(4)] |= 1 << k
            first, second, given, _ = sides
            if first and second and network.is_separated(first, second, given):
                known.append(Independence(first, second, given, len(known)))
        space = Space(complete_network(network.names), tuple(1 << k for k in range(5)), independences=tuple(known))
        used += assert_reduction_holds(space, random_law(network, rng)) > 0
    assert used > 20


def test_zeros_are_zero_and_the_rest_is_not_on_some_law() -> None:
    random, rng = Random(6), np.random.default_rng(6)
    for _ in range(15):
        network = random_network(random, 4, density=0.4)
        space = Space(network, tuple(1 << k for k in range(4)), functional=True)
        table, (zero, _) = space.elementals, space.zeros
        largest = np.zeros(len(table))
        for _ in range(10):
            h = entropies_of(space, random_law(network, rng))
            values = h[table.first | table.given] + h[table.second | table.given] - h[table.given]
            values -= h[table.first | table.second | table.given]
            values += np.where(table.second == 0, h[table.first | table.given] - h[table.given] - values, 0)
            largest = np.maximum(largest, values)
        assert (largest[zero] < 1e-9).all()
        informations = ~zero & (table.second != 0)
        assert (largest[informations] > 1e-9).all()


@pytest.mark.parametrize("num", [1, 2, 3, 4, 5])
def test_elementals_are_those_of_yeung(num: int) -> None:
    names = "ABCDE"[:num]
    table = elementals(num)

    def read(mask: int) -> Variables:
        return frozenset(name for k, name in enumerate(names) if int(mask) >> k & 1)

    found = [(read(i), read(j), read(k)) for i, j, k in zip(table.first, table.second, table.given, strict=True)]
    assert len(found) == len(set(found)) == num + num * (num - 1) // 2 * 2 ** max(0, num - 2)
    for i, j, given in found:
        assert len(i) == 1
        assert len(j) == 1 or (not j and given == set(names) - i)
        assert not i & j | (i | j) & given


def test_a_chain_needs_entropies_of_neighbours_only() -> None:
    names = [f"V{k}" for k in range(6)]
    network = Network({name: tuple(names[max(0, k - 1) : k]) for k, name in enumerate(names)})
    space = Space(network, tuple(1 << k for k in range(6)))
    rows = {name: space.reduction[1 << k] for k, name in enumerate(names)}
    assert len({row.tobytes() for row in rows.values()}) == 6
    whole = sum(space.reduction[0b11 << k] for k in range(5)) - sum(space.reduction[1 << k] for k in range(1, 5))
    assert (space.reduction[-1] == whole).all()


def test_a_function_adds_nothing() -> None:
    network = Network({"X": (), "Z": ("X",)}, functions=frozenset({"Z"}))
    functional = Space(network, (1, 2), functional=True)
    assert (functional.reduction[3] == functional.reduction[1]).all()
    plain = Space(network, (1, 2))
    assert plain.reduction.shape == (4, 3)


def test_elemental_rows_are_their_measures() -> None:
    network = complete_network("ABC")
    space = Space(network, (1, 2, 4))
    table = space.elementals

    def read(mask: int) -> Variables:
        return frozenset(name for k, name in enumerate("ABC") if int(mask) >> k & 1)

    for row, i, j, given in zip(space.reduced_elementals, table.first, table.second, table.given, strict=True):
        measure = information(read(i), read(j), read(given)) if j else entropy(read(i), read(given))
        wanted = sum(int(value) * space.reduction[network.mask(one)] for one, value in measure.entropies.items())
        assert (row == wanted).all()
