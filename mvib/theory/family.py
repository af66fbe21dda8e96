"""All methods compared with each other: which optimise the same information, and which add what to which."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from mvib.theory.canonical import Goal
from mvib.theory.comparison import Difference, Memory, Sameness, Subject, addition_of, compare

_ONE_WAY = {Sameness.FIRST_ADDS, Sameness.SECOND_ADDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """Methods with the same data and the same canonical form.

    Attributes:
        members: their names.
        goals: of the first of them.
        data: types of the data that they learn from, labels left out.
        estimators: of each member, goal by goal.
    """

    members: tuple[str, ...]
    goals: tuple[Goal, ...]
    data: tuple[str, ...]
    estimators: Mapping[str, tuple[str, ...]]

    @property
    def title(self) -> str:
        """`maximise I(Z1; Z2), compress I(Z1; X1)`."""
        return ", ".join(f"{goal.kind.value} {goal.pattern}" for goal in self.goals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What the methods of one kin are to those of another.

    Attributes:
        first: place of the kin that adds; of an equality that of the one on whose graph it was proved first.
        second: place of the other.
        sameness: that the first adds, or equality by proof.
        additions: what is added: kind and quantity.
        pairs: the pairs of methods of which it holds; empty where it holds of all.
    """

    first: int
    second: int
    sameness: Sameness
    additions: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """All kins and what they are to each other; where nothing is said, the information is different, or the data."""

    kins: tuple[Kin, ...]
    relations: tuple[Relation, ...]


def compare_all(subjects: Mapping[str, Subject]) -> Mapping[tuple[str, str], Difference]:
    """The comparison of each pair of methods, named in their order."""
    memory: Memory = {}
    return {(a, b): compare(subjects[a], subjects[b], memory) for a, b in combinations(subjects, 2)}


def build_family(subjects: Mapping[str, Subject], differences: Mapping[tuple[str, str], Difference]) -> Family:
    """The family of all methods.

    Args:
        subjects: by name.
        differences: of all pairs, see `compare_all`.
    """
    groups: dict[object, list[str]] = {}
    for name, subject in subjects.items():
        groups.setdefault((subject.data, subject.form.keys), []).append(name)
    kins = tuple(_kin(subjects, names) for names in sorted(groups.values(), key=lambda names: (-len(names), names)))
    relations = [
        relation
        for i, j in combinations(range(len(kins)), 2)
        for relation in _relations(i, j, kins[i], kins[j], differences)
    ]
    return Family(kins=kins, relations=tuple(relations))


def _kin(subjects: Mapping[str, Subject], names: list[str]) -> Kin:
    first = subjects[names[0]]
    return Kin(
        members=tuple(names),
        goals=first.form.goals,
        data=first.data,
        estimators={name: tuple(" and ".join(goal.estimators) for goal in subjects[name].form.goals) for name in names},
    )


def _relations(
    i: int, j: int, first: Kin, second: Kin, differences: Mapping[tuple[str, str], Difference]
) -> list[Relation]:
    """The relations of two kins: where pairs differ, because their graphs do, each with its pairs."""
    found: dict[tuple[int, int, Sameness, tuple[str, ...]], list[tuple[str, str]]] = {}
    for a in first.members:
        for b in second.members:
            is_straight = (a, b) in differences
            difference = differences[(a, b) if is_straight else (b, a)]
            sameness = difference.sameness
            if sameness not in {*_ONE_WAY, Sameness.EQUAL_BY_PROOF}:
                continue
            adds_first = (sameness is Sameness.FIRST_ADDS) == is_straight
            if sameness is Sameness.EQUAL_BY_PROOF or adds_first:
                ends, pair = (i, j), (a, b)
            else:
                ends, pair = (j, i), (b, a)
            kind = Sameness.EQUAL_BY_PROOF if sameness is Sameness.EQUAL_BY_PROOF else Sameness.FIRST_ADDS
            added = tuple(sorted(f"{addition_of(goal).value} of {goal.pattern}" for goal in difference.additions))
            found.setdefault((*ends, kind, added), []).append(pair)
    count = len(first.members) * len(second.members)
    return [
        Relation(
            first=a,
            second=b,
            sameness=kind,
            additions=added,
            pairs=() if len(pairs) == count else tuple(pairs),
        )
        for (a, b, kind, added), pairs in found.items()
    ]


def without_shortcuts(family: Family) -> tuple[Relation, ...]:
    """The relations without those that follow from others: A adds to C what A adds to B and B to C."""
    adding = [relation for relation in family.relations if relation.sameness is Sameness.FIRST_ADDS]
    below: dict[int, set[int]] = {}
    for relation in adding:
        below.setdefault(relation.first, set()).add(relation.second)
    return tuple(
        relation
        for relation in family.relations
        if relation.sameness is not Sameness.FIRST_ADDS
        or not any(relation.second in below.get(middle, set()) for middle in below[relation.first] - {relation.second})
    )
