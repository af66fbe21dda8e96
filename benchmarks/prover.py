"""Time of the prover on claims that follow, and of others beside it, in one run.

    python benchmarks/prover.py [PROBLEM...] [--repeats 15] [--instances 21] [--beside MODULE:FUNCTION ...] [--no-bare]

Problems are plain data: names of variables, the claim as numbers over sets of names (their sum over joint entropies is
to be at least zero), and what is zero as triples (A, B, C) for I(A; B | C) = 0; where A equals B it says that A is a
function of C. Where the triples come from a graph it is given too. Names are the words that a row starts with.

A prover is a function of one problem that says whether the claim follows. Ours includes what it makes of the plain
data and the verification of the certificate. `bare` is the linear programme over all elemental inequalities and the
triples, as HiGHS solves it, nothing reduced and no certificate: up to 7 variables. `--beside` names another, by a
module that can be imported and a function in it, and may be given several times; it is handed a `Problem`, as below.

Each problem is proved once before the clock runs; `first` is that time, where a row has many problems the longest. Then
come the least and the median of the repeats; where a row has many problems these are medians over them, and `max` is
the largest median. Provers take turns. On a machine that does other things the least is what the work itself takes.
`!` marks a median that misses its target, `?` a wrong answer. Targets are for a machine of two cores, in ms.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from itertools import chain, combinations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from mvib.render.derivation import derivation_text
from mvib.theory import prover as ours
from mvib.theory.expression import Expression, Rational
from mvib.theory.network import Network
from mvib.theory.proof import Proof
from mvib.theory.prover import Problem as OurProblem
from mvib.theory.relations import independence

Set = frozenset[str]
Triple = tuple[Set, Set, Set]
LARGEST_BARE = 7


@dataclass(frozen=True, slots=True)
class Problem:
    """A claim and what is known.

    Attributes:
        name: of the row it belongs to.
        variables: names.
        claim: coefficients of joint entropies, whose sum is to be at least zero.
        constraints: A, B, C with I(A; B | C) = 0; A equals B where A is a function of C.
        parents: the graph that the constraints are those of, parents before children; empty where there is none.
        functions: variables of the graph that are functions of their parents.
        assumed: the constraints that the graph does not say.
        follows: the right answer.
    """

    name: str
    variables: tuple[str, ...]
    claim: Mapping[Set, Rational]
    constraints: tuple[Triple, ...] = ()
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    functions: Set = frozenset()
    assumed: tuple[Triple, ...] = ()
    follows: bool = True


Prover = Callable[[Problem], bool]

# ---- provers ---------------------------------------------------------------------------------------------------------


def certificate(problem: Problem) -> Proof | None:
    """The verified certificate of ours."""
    hidden = frozenset(problem.parents) - frozenset(problem.variables)
    if problem.parents:
        network, known = Network(problem.parents, problem.functions, hidden), problem.assumed
    else:
        # Without a graph nothing is separated: each variable hangs on all before it.
        names = problem.variables
        network, known = Network({name: names[:k] for k, name in enumerate(names)}), problem.constraints
    assumptions = tuple(independence(*sets, "") for sets in known)
    found = ours.prove(Expression(problem.claim), OurProblem(network, assumptions))
    return found if isinstance(found, Proof) else None


def prove(problem: Problem) -> bool:
    """Ours."""
    return certificate(problem) is not None


def prove_bare(problem: Problem) -> bool:
    """The linear programme with all elemental inequalities: the least value of the claim on polymatroids up to one."""
    place = {name: 1 << k for k, name in enumerate(problem.variables)}
    rows = elemental_rows(len(place))
    equal = np.zeros((len(problem.constraints), 1 << len(place)))
    for row, (first, second, given) in zip(equal, problem.constraints, strict=True):
        for sign, names in ((1, first | given), (1, second | given), (-1, first | second | given), (-1, given)):
            row[sum(place[name] for name in names)] += sign
    target = np.zeros(1 << len(place))
    for names, coefficient in problem.claim.items():
        target[sum(place[name] for name in names)] += float(coefficient)
    found = linprog(
        target[1:],
        A_ub=-rows[:, 1:],
        b_ub=np.zeros(rows.shape[0]),
        A_eq=csr_array(equal[:, 1:]) if len(equal) else None,
        b_eq=np.zeros(len(equal)) if len(equal) else None,
        bounds=(0, 1),
        method="highs",
    )
    return found.status == 0 and bool(found.fun > -1e-7)


@lru_cache(maxsize=8)
def elemental_rows(num: int) -> csr_array:
    """All elemental inequalities of some variables, one row each over the joint entropies of all sets."""
    entries: list[list[tuple[int, int]]] = [[(1, (1 << num) - 1), (-1, (1 << num) - 1 ^ 1 << i)] for i in range(num)]
    for i, j in combinations(range(num), 2):
        one, other = 1 << i, 1 << j
        for given in range(1 << num):
            if not given & (one | other):
                entries.append([(1, given | one), (1, given | other), (-1, given | one | other), (-1, given)])
    one_row = [
        csr_array(([sign for sign, _ in row], ([0] * len(row), [s for _, s in row])), shape=(1, 1 << num))
        for row in entries
    ]
    return csr_array(vstack(one_row))


# ---- claims ----------------------------------------------------------------------------------------------------------


def information(first: str, second: str, given: str = "", factor: int = 1) -> dict[Set, Rational]:
    """A multiple of I(A; B | C), names separated by blanks."""
    return of_triple((names(first), names(second), names(given)), factor)


def names(text: str) -> Set:
    return frozenset(text.split())


def of_triple(triple: Triple, factor: Rational) -> dict[Set, Rational]:
    first, second, given = triple
    parts = ((1, first | given), (1, second | given), (-1, first | second | given), (-1, given))
    return total({one: sign * factor} for sign, one in parts if one)


def total(parts: Iterable[Mapping[Set, Rational]]) -> dict[Set, Rational]:
    """The sum of claims, without zeros."""
    found: dict[Set, Rational] = {}
    for one, value in chain.from_iterable(part.items() for part in parts):
        found[one] = found.get(one, 0) + value
    return {one: value for one, value in found.items() if value}


def triple(first: str, second: str, given: str = "") -> Triple:
    return names(first), names(second), names(given)


@dataclass(frozen=True, slots=True)
class Row:
    """Problems that are measured together.

    Attributes:
        name: of the row.
        target: ms of ours, None where there is none.
        problems: one or many of a kind.
        is_printing: whether it is printing the proof that is measured, not finding it.
    """

    name: str
    target: float | None
    problems: tuple[Problem, ...]
    is_printing: bool = False


def data_processing() -> Problem:
    """I(X; Y) >= I(X; Z) on X - Y - Z."""
    return Problem(
        "data processing",
        ("X", "Y", "Z"),
        total([information("X", "Y"), information("X", "Z", factor=-1)]),
        (triple("X", "Z", "Y"),),
        {"X": (), "Y": ("X",), "Z": ("Y",)},
    )


VIEWS = {"U": (), "X1": ("U",), "X2": ("U",), "Y": ("U",), "Z1": ("X1",)}


def federici() -> Problem:
    """I(Z1; Y) >= I(X1, X2; Y) - I(X1; X2 | Z1) - I(X1; Y | X2) - I(X2; Y | X1) (Federici et al. 2020, theorem B.1)."""
    return Problem(
        "Federici's theorem",
        ("X1", "X2", "Y", "Z1"),
        total(
            [
                information("Z1", "Y"),
                information("X1 X2", "Y", factor=-1),
                information("X1", "X2", "Z1"),
                information("X1", "Y", "X2"),
                information("X2", "Y", "X1"),
            ]
        ),
        (triple("Z1", "X2 Y", "X1"),),
        VIEWS,
    )


def federici_corollary() -> Problem:
    """I(Z1; Y) >= I(X1, X2; Y) for a sufficient Z1 and mutually redundant views (Federici et al. 2020, corollary)."""
    assumed = (triple("X1", "X2", "Z1"), triple("X1", "Y", "X2"), triple("X2", "Y", "X1"))
    return Problem(
        "Federici's corollary",
        ("X1", "X2", "Y", "Z1"),
        total([information("Z1", "Y"), information("X1 X2", "Y", factor=-1)]),
        (triple("Z1", "X2 Y", "X1"), *assumed),
        VIEWS,
        assumed=assumed,
    )


def tsai() -> Problem:
    """I(Z; T) >= I(X; T) - I(X; T | S) for a Z that is sufficient for S (Tsai et al. 2021, theorem 2)."""
    assumed = (triple("X", "S", "Z"),)
    return Problem(
        "Tsai, sufficient",
        ("X", "S", "T", "Z"),
        total([information("Z", "T"), information("X", "T", factor=-1), information("X", "T", "S")]),
        (triple("Z", "S T", "X"), *assumed),
        {"U": (), "X": ("U",), "S": ("U",), "T": ("U",), "Z": ("X",)},
        assumed=assumed,
    )


TWO_CODES = {"U": (), "X": ("U",), "S": ("U",), "T": ("U",), "Z": ("X",), "M": ("X",)}


def tsai_minimal() -> Problem:
    """I(Z; T) >= I(M; T) for a sufficient Z and a minimal M = f(X), I(M; X | S) = 0 (Tsai et al. 2021, theorem 2)."""
    assumed = (triple("X", "S", "Z"), triple("M", "X", "S"))
    return Problem(
        "Tsai, minimal",
        ("X", "S", "T", "Z", "M"),
        total([information("Z", "T"), information("M", "T", factor=-1)]),
        (triple("Z", "S T M", "X"), triple("M", "S T Z", "X"), triple("M", "M", "X"), *assumed),
        TWO_CODES,
        names("M"),
        assumed=assumed,
    )


def two_codes() -> Problem:
    """I(Z1; Z2) <= I(X1; X2), and what Z1, Z2 keep of Y: I(Z1, Z2; Y) <= I(X1, X2; Y), added."""
    return Problem(
        "two codes of two views",
        ("X1", "X2", "Y", "Z1", "Z2"),
        total(
            [
                information("X1", "X2"),
                information("Z1", "Z2", factor=-1),
                information("X1 X2", "Y"),
                information("Z1 Z2", "Y", factor=-1),
            ]
        ),
        (triple("Z1", "X2 Y Z2", "X1"), triple("Z2", "X1 Y Z1", "X2")),
        {**VIEWS, "Z2": ("X2",)},
    )


def random_claim(num: int, seed: int, row: str) -> Problem:
    """A random conic combination of elemental quantities, hidden by multiples of three random Markov chains."""
    rng = random.Random(f"{num} {seed}")
    variables = tuple(f"V{k}" for k in range(num))
    constraints = []
    for _ in range(3):
        mixed = rng.sample(variables, num)
        sizes = [rng.choice((1, 1, 2)) for _ in range(3)]
        ends = [sum(sizes[:k]) for k in range(4)]
        a, b, c = (frozenset(mixed[ends[k] : ends[k + 1]]) for k in range(3))
        constraints.append((a, b, c))
    parts = [of_triple(one, rng.choice((-3, -2, -1, 1, 2, 3))) for one in constraints]
    for _ in range(rng.randint(3, 3 * num)):
        i, j = rng.sample(variables, 2)
        rest = [name for name in variables if name not in {i, j}]
        given = frozenset(rng.sample(rest, rng.randint(0, len(rest))))
        parts.append(of_triple((frozenset({i}), frozenset({j}), given), rng.randint(1, 3)))
    last = rng.choice(variables)
    whole = frozenset(variables)
    parts += [{whole: 1}, {whole - {last}: -1}]
    return Problem(row, variables, total(parts), tuple(constraints))


def random_dense_claim(num: int, seed: int, row: str) -> Problem:
    """Sixty random informations with fractions before them, whose exact multipliers have large denominators."""
    rng = random.Random(f"dense {num} {seed}")
    variables = tuple(f"V{k}" for k in range(num))
    parts = []
    for _ in range(60):
        mixed, size = rng.sample(variables, num), rng.randint(1, 2)
        sides = (mixed[:size], mixed[size : size + 2], mixed[4 : rng.randint(4, num)])
        factor = Fraction(rng.randint(1, 12), rng.choice((1, 1, 2, 3, 5, 7)))
        parts.append(of_triple((frozenset(sides[0]), frozenset(sides[1]), frozenset(sides[2])), factor))
    return Problem(row, variables, total(parts))


def long_chain() -> Problem:
    """I(V1; V12) <= I(V6; V7) on a Markov chain of 12."""
    variables = tuple(f"V{k}" for k in range(1, 13))
    return Problem(
        "12: Markov chain",
        variables,
        total([information("V6", "V7"), information("V1", "V12", factor=-1)]),
        tuple(
            (frozenset(variables[:k]), frozenset(variables[k + 1 :]), frozenset({variables[k]})) for k in range(1, 11)
        ),
        {name: variables[max(0, k - 1) : k] for k, name in enumerate(variables)},
    )


def joint_views() -> Problem:
    """Federici's theorem with three variables in the place of each."""
    small = federici()
    wide = {name: tuple(f"{name}_{k}" for k in range(3)) for name in VIEWS}

    def widened(one: Iterable[str]) -> Set:
        return frozenset(chain.from_iterable(wide[name] for name in one))

    parents = {
        each: tuple(chain.from_iterable(wide[parent] for parent in above)) + wide[name][:k]
        for name, above in VIEWS.items()
        for k, each in enumerate(wide[name])
    }
    return Problem(
        "12: joint variables",
        tuple(chain.from_iterable(wide[name] for name in small.variables)),
        {widened(one): value for one, value in small.claim.items()},
        tuple((widened(a), widened(b), widened(c)) for a, b, c in small.constraints),
        parents,
    )


def random_groups(seed: int) -> Problem:
    """A random true inequality on 6 groups of two, without a graph."""
    small = random_claim(6, seed, "12: random, 6 groups")

    def widened(one: Iterable[str]) -> Set:
        return frozenset(chain.from_iterable((f"{name}a", f"{name}b") for name in one))

    return Problem(
        small.name,
        tuple(chain.from_iterable((f"{name}a", f"{name}b") for name in small.variables)),
        {widened(one): value for one, value in small.claim.items()},
        tuple((widened(a), widened(b), widened(c)) for a, b, c in small.constraints),
    )


def zhang_yeung() -> Problem:
    """2 I(C; D) <= I(A; B) + I(A; C, D) + 3 I(C; D | A) + I(C; D | B): true, but no consequence of Shannon's (1998)."""
    return Problem(
        "Zhang-Yeung",
        ("A", "B", "C", "D"),
        total(
            [
                information("C", "D", factor=-2),
                information("A", "B"),
                information("A", "C D"),
                information("C", "D", "A", factor=3),
                information("C", "D", "B"),
            ]
        ),
        follows=False,
    )


def every_row(num_instances: int) -> Iterator[Row]:
    yield Row("data processing", 0.5, (data_processing(),))
    for problem in (federici(), federici_corollary(), tsai(), tsai_minimal(), two_codes()):
        # The public one takes 2 ms on four variables and 6 on five.
        yield Row(problem.name, 2.0 if len(problem.variables) == 4 else 6.0, (problem,))
    printed = (data_processing(), federici(), federici_corollary(), tsai(), tsai_minimal(), two_codes())
    yield Row("printing a proof", 10.0, printed, is_printing=True)
    for num, target in ((6, 30.0), (7, None), (8, 200.0)):
        name = f"{num}: random, 3 Markov chains"
        yield Row(name, target, tuple(random_claim(num, seed, name) for seed in range(num_instances)))
    for num in (6, 8):
        name = f"{num}: random, 60 fractions"
        yield Row(name, None, tuple(random_dense_claim(num, seed, name) for seed in range(min(3, num_instances))))
    yield Row("12: Markov chain", 1000.0, (long_chain(),))
    yield Row("12: joint variables", 1000.0, (joint_views(),))
    yield Row("12: random, 6 groups", 1000.0, tuple(random_groups(seed) for seed in range(min(5, num_instances))))
    yield Row("Zhang-Yeung (does not follow)", None, (zhang_yeung(),))


# ---- measuring -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Times:
    """Of one prover on one problem, in ms.

    Attributes:
        first: of the first call.
        least: of those after it.
        median: likewise.
        is_right: whether every answer was.
    """

    first: float
    least: float
    median: float
    is_right: bool


def clocked(action: Callable[[], bool]) -> tuple[float, bool]:
    start = time.perf_counter()
    answer = action()
    return 1e3 * (time.perf_counter() - start), answer


def measure(provers: Mapping[str, Prover], problem: Problem, repeats: int) -> dict[str, Times]:
    """Times of each, taken in turns."""
    found: dict[str, list[tuple[float, bool]]] = {name: [] for name in provers}
    for turn in range(1 + repeats):
        for name, other in provers.items():
            # Half a minute on a problem is enough of it.
            if turn < 2 or sum(ms for ms, _ in found[name]) < 30_000:
                found[name].append(clocked(lambda other=other: other(problem)))  # type: ignore[misc]
    return {name: times_of(calls, problem.follows) for name, calls in found.items()}


def times_of(calls: Sequence[tuple[float, bool]], follows: bool) -> Times:
    later = [ms for ms, _ in calls[1:]]
    is_right = all(answer == follows for _, answer in calls)
    return Times(first=calls[0][0], least=min(later), median=statistics.median(later), is_right=is_right)


def printer() -> Prover:
    """Printing of the proof of a problem, as text."""
    known = {problem.name: certificate(problem) for row in every_row(1) if row.is_printing for problem in row.problems}

    def printed(problem: Problem) -> bool:
        proof = known[problem.name]
        return proof is not None and bool("\n".join(derivation_text(proof)))

    return printed


def report(row: Row, times: Sequence[Mapping[str, Times]]) -> Iterator[str]:
    size = len(row.problems[0].variables)
    for name in times[0]:
        own = [one[name] for one in times]
        median = statistics.median(one.median for one in own)
        target = row.target if name == "ours" else None
        missed = "!" if target is not None and median > target else ""
        wrong = "" if all(one.is_right for one in own) else "?"
        columns = (row.name, str(size), "" if target is None else f"{target:g}", name)
        least = statistics.median(one.least for one in own)
        numbers = (max(one.first for one in own), least, median, max(one.median for one in own))
        left = "{:<32}{:>3}{:>8}  {:<12}".format(*columns)
        yield left + "".join(f"{n:>10.2f}" for n in numbers) + f" {missed}{wrong}"


def loaded(path: str) -> Prover:
    module, _, function = path.partition(":")
    found: Prover = getattr(import_module(module), function)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", help="rows to measure, by how their names start")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--instances", type=int, default=21, help="random problems of a row")
    parser.add_argument("--beside", action="append", default=[], metavar="MODULE:FUNCTION")
    parser.add_argument("--no-bare", action="store_true")
    options = parser.parse_args()
    others = {path: loaded(path) for path in options.beside}
    # What is imported at the first call, and the tables that all claims share, are not part of a claim's time.
    prove(zhang_yeung())
    print(
        f"{'problem':<32}{'n':>3}{'target':>8}  {'prover':<12}{'first':>10}{'least':>10}{'median':>10}{'max':>10}   ms"
    )
    for row in every_row(options.instances):
        if options.problems and not any(row.name.startswith(one) for one in options.problems):
            continue
        printing = printer() if row.is_printing else None
        provers: dict[str, Prover] = {"ours": printing or prove}
        if printing is None:
            provers.update(others)
            if len(row.problems[0].variables) <= LARGEST_BARE and not options.no_bare:
                provers["bare"] = prove_bare
        repeats = options.repeats if len(row.problems) == 1 or row.is_printing else max(3, options.repeats // 5)
        times = [measure(provers, problem, repeats) for problem in row.problems]
        for line in report(row, times):
            print(line, flush=True)


if __name__ == "__main__":
    main()
