"""What the variables of a quantity are to a method, whatever a spec calls them: inputs, codes of inputs, labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from mvib.catalogue.signature import ModuleEntry
from mvib.graph import InformationGraph
from mvib.semantics.method import ChannelKind, Gradient, Member, Quantity, VariableKind
from mvib.theory.collapse.weights import Weights, has_weights
from mvib.theory.expression import Expression, entropy, information, total_correlation

# Of more inputs than this the order of the spec is taken: 5! orders of a quantity are many already.
_MOST_PERMUTED = 4

Group = frozenset[str]


@dataclass(frozen=True, slots=True, order=True)
class Pattern:
    """A quantity between roles: what two methods have in common whatever they call their variables.

    Inputs are `X1`, `X2`; what encoders make of them, at whatever depth, are the codes `Z1`, `Z2`, and `Z12` of both
    together; `X` is what an input is drawn from, `Y` a label. Two variables of one quantity with the same role get
    primes, the deepest none.

    Attributes:
        functional: `H`, `I`, `TC` or `D`.
        groups: the arguments, each the sorted roles of a joint variable.
        given: the roles of the condition.
        prior: the name of the prior of a `D`.
    """

    functional: str
    groups: tuple[tuple[str, ...], ...]
    given: tuple[str, ...] = ()
    prior: str = ""

    @property
    def roles(self) -> Group:
        """All roles."""
        return frozenset(self.given).union(*self.groups)

    @property
    def expression(self) -> Expression | None:
        """As joint entropies of roles; None for a divergence."""
        return expression_of(self.functional, self.groups, self.given)

    def __str__(self) -> str:
        inside = "; ".join(", ".join(group) for group in self.groups)
        inside += f" | {', '.join(self.given)}" if self.given else ""
        inside += f" || {self.prior}" if self.prior else ""
        return f"{self.functional}({inside})"

    def renamed(self, names: Mapping[str, str]) -> "Pattern":
        """With other roles, in normal form: arguments of symmetric quantities in order."""
        groups = [tuple(sorted(names[role] for role in group)) for group in self.groups]
        if self.functional in {"I", "TC"}:
            # Codes stand before labels and inputs: I(Z; X).
            groups.sort(key=lambda group: [(role[0] != "Z", role) for role in group])
        return Pattern(self.functional, tuple(groups), tuple(sorted(names[role] for role in self.given)), self.prior)


def expression_of(functional: str, groups: Sequence[Sequence[str]], given: Sequence[str]) -> Expression | None:
    """A quantity between names as joint entropies; None for a divergence."""
    match functional:
        case "H":
            return entropy(groups[0], given)
        case "I":
            return information(groups[0], groups[1], given)
        case "TC":
            return total_correlation(groups, given)
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Casting:
    """A pattern with the variables of the spec that play its roles.

    Attributes:
        pattern: the least of all that differ in the order of the inputs.
        variables: of each role.
    """

    pattern: Pattern
    variables: Mapping[str, tuple[Member, ...]]


class Roles:
    """The roles of the variables of one graph."""

    def __init__(self, graph: InformationGraph) -> None:
        self.graph = graph
        self.weights = Weights(graph)

    def is_label(self, member: Member) -> bool:
        """Whether a variable is a label of the data."""
        return self.graph.variables[str(member)].type == "label"

    def is_given(self, member: Member) -> bool:
        """Whether no weights make a variable: data, a view, or what a map without weights makes of them."""
        maker = self.graph.maker(member)
        if maker is None or maker.kind is not ChannelKind.ENCODER:
            return True
        owner = self.weights.owner(maker.module)
        if owner.gradient is Gradient.FROZEN or has_weights(owner.call):
            return False
        return all(self.is_given(source) for source in self._contents(member))

    def inputs(self, member: Member) -> frozenset[Member]:
        """The data and views that encoders make a variable from: the variable itself where it is one."""
        if self.graph.variables[str(member)].kind in {VariableKind.DATA, VariableKind.VIEW}:
            return frozenset({member})
        return frozenset[Member]().union(*(self.inputs(source) for source in self._contents(member)))

    def has_gradient(self, member: Member) -> bool:
        """Whether a gradient at a variable reaches any weights."""
        return bool(self.weights.reached(member))

    def is_constant(self, member: Member) -> bool:
        """Whether its law depends on no weight that is trained, not even through a copy."""
        return not self.weights.upstream(member)

    def depth(self, member: Member) -> int:
        """Number of channels on the way from the data."""
        return len(self.graph.derivation(member))

    def roots(self, member: Member) -> frozenset[Member]:
        """The data that a data variable or a view is drawn from."""
        maker = self.graph.maker(member)
        if maker is None:
            return frozenset({member})
        return frozenset[Member]().union(*(self.roots(source) for source in maker.sources))

    def _contents(self, member: Member) -> tuple[Member, ...]:
        """What an encoder takes its values from; its other sources say where to look."""
        maker = self.graph.maker(member)
        assert maker is not None
        owner = self.weights.owner(maker.module)
        entry = owner.call.entry if owner.call is not None else None
        return maker.sources[: entry.contents] if isinstance(entry, ModuleEntry) else maker.sources

    # ---- casting -----------------------------------------------------------------------------------------------

    def cast(self, quantity: Quantity) -> Casting:
        """The pattern of a quantity, and which variable plays which role."""
        groups = [[v.member for v in group] for group in quantity.groups]
        given = [v.member for v in quantity.condition]
        prior = quantity.prior.name if quantity.prior is not None else ""
        return self.cast_groups(quantity.functional, groups, given, prior)

    def cast_groups(
        self, functional: str, groups: Sequence[Sequence[Member]], given: Sequence[Member] = (), prior: str = ""
    ) -> Casting:
        """The same of a quantity that no spec writes."""
        places = [*groups, *([given] if given else [])]
        members = list(dict.fromkeys(member for group in places for member in group))
        blocks = self._blocks(members)
        options = []
        for order in _orders(len(set(blocks.values()))):
            roles = self._names(places, members, blocks, order)
            used = {role: role for group in roles for role in group}
            raw = Pattern(functional, tuple(tuple(g) for g in roles[: len(groups)]), tuple(roles[-1] if given else ()))
            variables: dict[str, tuple[Member, ...]] = {}
            for group, names in zip(places, roles, strict=True):
                for member, name in zip(group, names, strict=True):
                    if member not in variables.get(name, ()):
                        variables[name] = (*variables.get(name, ()), member)
            merged = _merged(raw.renamed(used))
            options.append(Casting(Pattern(merged.functional, merged.groups, merged.given, prior), variables))
        return min(options, key=lambda option: option.pattern)

    def _blocks(self, members: Sequence[Member]) -> dict[Member, int]:
        """A number for each input: views of the same data that occur in the same variables are one."""
        signatures: dict[Member, list[Member]] = {}
        for member in members:
            for source in sorted(self.inputs(member)):
                signatures.setdefault(source, []).append(member)
        numbers: dict[object, int] = {}
        blocks: dict[Member, int] = {}
        observed = [source for source in signatures if not self.is_label(source)]
        for source in observed:
            is_view = self.graph.variables[str(source)].kind is VariableKind.VIEW
            key: object = (tuple(signatures[source]), self.roots(source)) if is_view else source
            below = any(self.graph.is_ancestor(source, other) for other in observed)
            if signatures[source] == [source] and below and not is_view:
                # What an input is drawn from, and no input itself.
                blocks[source] = 0
                continue
            blocks[source] = numbers.setdefault(key, len(numbers) + 1)
        return blocks

    def _names(
        self,
        places: Sequence[Sequence[Member]],
        members: Sequence[Member],
        blocks: Mapping[Member, int],
        order: Mapping[int, int],
    ) -> list[list[str]]:
        plain = {member: self._plain(member, blocks, order) for member in members}
        found: list[list[str]] = []
        for place in places:
            found.append([])
            for member in place:
                elsewhere = {
                    other
                    for group in places
                    if member not in group
                    for other in group
                    if plain[other] == plain[member] and other not in place
                }
                above = sum(self._rank(other) < self._rank(member) for other in elsewhere)
                found[-1].append(plain[member] + "'" * above)
        return found

    def _rank(self, member: Member) -> tuple[int, Member]:
        """The deepest first, what is given last."""
        return (-self.depth(member), member)

    def _plain(self, member: Member, blocks: Mapping[Member, int], order: Mapping[int, int]) -> str:
        if self.is_label(member):
            return "Y"
        inputs = self.inputs(member)
        letters = "".join(str(n) for n in sorted({order[blocks[i]] for i in inputs if blocks.get(i)}))
        label = "Y" if any(self.is_label(i) for i in inputs) else ""
        return ("X" if self.is_given(member) else "Z") + letters + label


def _orders(count: int) -> Iterator[dict[int, int]]:
    numbers = range(1, count + 1)
    if count > _MOST_PERMUTED:
        yield {0: 0} | {n: n for n in numbers}
        return
    for order in permutations(numbers):
        yield {0: 0} | dict(zip(numbers, order, strict=True))


def _merged(pattern: Pattern) -> Pattern:
    """Two codes of one input side by side are one code of it."""
    groups = tuple(tuple(sorted(set(group))) for group in pattern.groups)
    return Pattern(pattern.functional, groups, tuple(sorted(set(pattern.given))), pattern.prior)
