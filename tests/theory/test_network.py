from random import Random

import networkx as nx
import pytest

from mvib.theory.expression import Variables
from mvib.theory.network import Network
from tests.theory.certificates import determined
from tests.theory.laws import digraph, random_network


def unmask(network: Network, mask: int) -> Variables:
    return frozenset(name for k, name in enumerate(network.names) if mask >> k & 1)


def test_separation_is_that_of_networkx() -> None:
    random, answers = Random(0), []
    for _ in range(150):
        network = random_network(random, random.randint(3, 9), density=random.choice((0.15, 0.3, 0.5)))
        graph = digraph(network)
        for _ in range(12):
            sides: tuple[set[str], ...] = (set(), set(), set(), set())
            for name in network.names:
                random.choice(sides).add(name)
            first, second, given, _ = sides
            if not first or not second:
                continue
            wanted = nx.is_d_separator(graph, first, second, given)
            masks = [network.mask(side) for side in (first, second, given)]
            assert network.is_separated(*masks) == wanted
            # Twice: what is remembered is the same, and it is of this order of arguments.
            assert [network.separated(*masks), network.separated(*masks)] == [wanted, wanted]
            assert network.separated(masks[1], masks[0], masks[2]) == wanted
            answers.append(wanted)
    assert 0.1 < sum(answers) / len(answers) < 0.9


@pytest.mark.parametrize(
    ("given", "separated"),
    [((), True), (("E",), False), (("C",), False), (("C", "A"), True), (("D",), True)],
)
def test_a_collider_opens_when_it_or_what_hangs_on_it_is_given(given: tuple[str, ...], separated: bool) -> None:
    network = Network({"A": (), "B": (), "D": ("A",), "C": ("A", "B"), "E": ("C",)})
    assert network.separated(network.mask("D"), network.mask("B"), network.mask(given)) is separated


def test_closure_is_all_that_is_computed() -> None:
    random, larger = Random(1), 0
    for _ in range(500):
        network = random_network(random, random.randint(2, 8))
        names = frozenset(name for name in network.names if random.random() < 0.4)
        found = unmask(network, network.closure(network.mask(names)))
        assert found == determined(network, names)
        larger += found != names
    assert larger > 40


def test_a_function_of_nothing_is_constant() -> None:
    network = Network({"A": (), "B": ("A",), "C": ()}, functions=frozenset({"A", "B"}))
    assert unmask(network, network.closure(0)) == {"A", "B"}


def test_ancestors_hold_the_set_itself() -> None:
    random = Random(2)
    for _ in range(100):
        network = random_network(random, random.randint(2, 8))
        names = {name for name in network.names if random.random() < 0.3}
        wanted = names.union(*(nx.ancestors(digraph(network), name) for name in names))
        assert unmask(network, network.ancestors(network.mask(names))) == wanted


def test_sets_are_numbers() -> None:
    network = Network({"A": (), "B": ("A",), "C": ("B",)})
    assert [network.mask(names) for names in ((), ("A",), ("C",), ("C", "A", "A"))] == [0, 1, 4, 5]
    assert network.names == ("A", "B", "C")
    with pytest.raises(KeyError):
        network.mask(("A", "D"))
