"""Families and their indices: which members a reference with indices stands for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod

from mvib.semantics import errors
from mvib.semantics.method import Axis, Family, Member, VariableKind
from mvib.semantics.scope import Scope, Unresolved
from mvib.source import Span
from mvib.syntax import ast

# Members of one index, and of a family or a term with all its indices. No method comes near; a typing error does.
MAX_MEMBERS = 1024
MAX_INSTANCES = 4096

_LETTERS = "ijkl"

Assignment = Mapping[str, int]
Index = ast.Expression | ast.Binder


def resolve_range(scope: Scope, range_: ast.Range) -> tuple[int, int]:
    """Both ends of `low..high`, included."""
    low, high = (_whole(scope, side) for side in (range_.low, range_.high))
    if high < low:
        ends = range_.low.span.text, range_.high.span.text
        if isinstance(range_.low, ast.Number) and isinstance(range_.high, ast.Number):
            remedy = f"write `{ends[1]}..{ends[0]}`"
        else:
            remedy = f"make `{ends[1]}` at least {low}"
        raise scope.fail(errors.empty_range(range_.span, low, high, remedy=remedy))
    if high - low >= MAX_MEMBERS:
        raise scope.fail(
            errors.range_too_large(range_.span, f"the range {low}..{high} has", "members", high - low + 1, MAX_MEMBERS)
        )
    return low, high


def _whole(scope: Scope, value: ast.Expression) -> int:
    number = scope.number(value, "an index or an end of a range")
    if number != int(number):
        raise scope.fail(errors.index_not_whole(value.span, value.span.text))
    return int(number)


def free_indices(scope: Scope, value: Index) -> list[ast.Name]:
    """Names inside an index that are no parameters: the indices that range."""
    match value:
        case ast.Reference(name=name, indices=()) if name.text not in scope.parameters:
            return [name]
        case ast.Binary(left=left, right=right):
            return [*free_indices(scope, left), *free_indices(scope, right)]
        case ast.Negative(operand=operand):
            return free_indices(scope, operand)
        case ast.Range(low=low, high=high):
            return [*free_indices(scope, low), *free_indices(scope, high)]
        case _:
            return []


def names_in(scope: Scope, index: Index) -> list[ast.Name]:
    """The indices that range in one place between the brackets, a declared range included."""
    return [index.name] if isinstance(index, ast.Binder) else free_indices(scope, index)


def indices_of(scope: Scope, reference: ast.Reference) -> list[ast.Name]:
    """The free indices of a reference, in order, repeated as written."""
    return [name for index in reference.indices for name in free_indices(scope, index)]


def evaluate_index(scope: Scope, value: Index, assignment: Assignment) -> int:
    """An index such as `t+k` under an assignment of the free indices."""
    match value:
        case ast.Reference(name=name, indices=()) if name.text in assignment:
            return assignment[name.text]
        case ast.Binary(operator="+", left=left, right=right):
            return evaluate_index(scope, left, assignment) + evaluate_index(scope, right, assignment)
        case ast.Binary(operator="-", left=left, right=right):
            return evaluate_index(scope, left, assignment) - evaluate_index(scope, right, assignment)
        case ast.Binary(operator="*", left=left, right=right):
            return evaluate_index(scope, left, assignment) * evaluate_index(scope, right, assignment)
        case ast.Negative(operand=operand):
            return -evaluate_index(scope, operand, assignment)
        case ast.Number(value=int() as number):
            return number
        case ast.Reference(name=name, indices=()) if name.text in scope.parameters:
            return _whole(scope, value)
        case _:
            raise scope.fail(errors.index_not_whole(value.span, value.span.text))


def family_key(reference: ast.Reference) -> str:
    """The key of the family that a reference names: `X[i]` lives beside a plain `X`."""
    return f"{reference.name.text}[]" if reference.indices else reference.name.text


@dataclass(slots=True)
class Variables:
    """The variables declared so far, by `Family.key`; members of one family may come from several statements.

    Attributes:
        scope: for numbers and mistakes.
        families: by key.
        broken: keys of families whose statement has a mistake that was reported. Which members they have is not known,
            so that any member is taken to exist, and nothing is said twice.
    """

    scope: Scope
    families: dict[str, Family]
    broken: set[str] = field(default_factory=set)
    # The members of each family once more, to look them up.
    _sets: dict[str, tuple[tuple[Member, ...], frozenset[Member]]] = field(default_factory=dict, init=False, repr=False)

    def declare(self, family: Family) -> None:
        """Add a variable, or members to a family; what exists already is reported and stays as it is."""
        existing = self.families.get(family.key)
        if existing is None:
            self.families[family.key] = family
            return
        if len(family.axes) != len(existing.axes):
            expected, found = len(existing.axes), len(family.axes)
            raise self.scope.fail(
                errors.wrong_number_of_indices(family.span, family.name, expected, found, existing.span)
            )
        twice = [member for member in family.members if member in existing.members]
        first = existing.span
        if twice:
            first, again = sorted((existing.span, family.span), key=lambda span: span.start)
            self.scope.report(errors.defined_twice(again, "variable", str(twice[0]), first))
        members = tuple(sorted({*existing.members, *family.members}))
        self.families[family.key] = replace(
            existing,
            type=existing.type or family.type,
            partial=existing.partial or family.partial,
            axes=_joined_axes(existing.axes, members),
            members=members,
            span=first,
        )

    def declare_broken(self, target: ast.Reference, kind: VariableKind) -> None:
        """Declare what a statement with a mistake would have made, so that its uses are not reported as well."""
        key = family_key(target)
        existing = self.families.get(key)
        if existing is not None and (
            _origin(existing.kind) != _origin(kind) or len(existing.axes) != len(target.indices)
        ):
            return
        self.broken.add(key)
        if existing is None:
            axes = tuple(Axis(_LETTERS[i % len(_LETTERS)], 1, 1) for i in range(len(target.indices)))
            member = Member(target.name.text, (1,) * len(axes))
            self.families[key] = Family(
                name=target.name.text, kind=kind, axes=axes, members=(member,), span=target.span
            )

    def is_broken(self, reference: ast.Reference) -> bool:
        """Whether a mistake in what makes a variable has been reported."""
        return family_key(reference) in self.broken

    def family(self, reference: ast.Reference) -> Family:
        """The variable or family a reference names."""
        name = reference.name.text
        plain, indexed = self.families.get(name), self.families.get(f"{name}[]")
        if plain is None and indexed is None:
            raise self.scope.undefined_variable(reference)
        num_indices = len(reference.indices)
        if num_indices == 0:
            if plain is not None:
                return plain
            assert indexed is not None
            each = f"{name}[{','.join(axis.name for axis in indexed.axes)}]"
            raise self.scope.fail(
                errors.missing_index(reference.span, name, str(indexed.members[0]), each, indexed.span)
            )
        if indexed is None:
            assert plain is not None
            is_image = plain.kind is VariableKind.DATA and plain.type == "image"
            raise self.scope.fail(errors.unexpected_index(reference.span, name, plain.span, is_image=is_image))
        if num_indices != len(indexed.axes):
            raise self.scope.fail(
                errors.wrong_number_of_indices(reference.span, name, len(indexed.axes), num_indices, indexed.span)
            )
        return indexed

    def member(self, reference: ast.Reference, assignment: Assignment) -> Member | None:
        """The member under an assignment; None when index arithmetic falls outside the family.

        An index that is written out must lie inside: that is a mistake, not an edge of the family.
        """
        several = next((index for index in reference.indices if isinstance(index, ast.Range)), None)
        if several is not None:
            raise self.scope.fail(errors.several_members(several.span, reference.span.text))
        found = self.members(reference, assignment)
        return found[0] if found is not None else None

    def members(self, reference: ast.Reference, assignment: Assignment) -> tuple[Member, ...] | None:
        """The members under an assignment, several where an index is a range: `Z[1..V]`, or `Z[1..t]`.

        None when index arithmetic falls outside the family, or leaves a range without members.
        """
        family = self.family(reference)
        self._check_use(reference)
        choices = [self._index_values(index, assignment) for index in reference.indices]
        self.scope.expand(reference.span, prod(map(len, choices)))
        found = [self._existing(reference, family, values) for values in product(*choices)]
        members = tuple(member for member in found if member is not None)
        return members if members and len(members) == len(found) else None

    def _index_values(self, index: Index, assignment: Assignment) -> Sequence[int]:
        if not isinstance(index, ast.Range):
            return (evaluate_index(self.scope, index, assignment),)
        if not free_indices(self.scope, index):
            low, high = resolve_range(self.scope, index)
        else:
            low, high = (evaluate_index(self.scope, end, assignment) for end in (index.low, index.high))
        if high - low >= MAX_MEMBERS:
            what = f"the range {low}..{high} has"
            raise self.scope.fail(errors.range_too_large(index.span, what, "members", high - low + 1, MAX_MEMBERS))
        return range(low, high + 1)

    def _existing(self, reference: ast.Reference, family: Family, index_values: tuple[int, ...]) -> Member | None:
        member = Member(family.name, index_values)
        if self._has(family, member) or family.key in self.broken:
            return member
        if any(free_indices(self.scope, index) for index in reference.indices):
            return None
        raise self.scope.fail(
            errors.undefined_member(reference.span, str(member), family.name, _listed(family), family.span)
        )

    def _has(self, family: Family, member: Member) -> bool:
        known, members = self._sets.get(family.key, ((), frozenset()))
        if known is not family.members:
            members = frozenset(family.members)
            self._sets[family.key] = family.members, members
        return member in members

    def _check_use(self, reference: ast.Reference) -> None:
        for index in reference.indices:
            if isinstance(index, ast.Binder):
                fixed = reference.span.text.replace(index.span.text, index.name.text)
                raise self.scope.fail(errors.binder_in_use(index.span, index.span.text, fixed))

    def domains(self, references: Sequence[ast.Reference]) -> dict[str, set[int]]:
        """Values of each index that stands alone in one of the references: those of the members of all families."""
        domains: dict[str, set[int]] = {}
        unknown: list[str] = []
        failed = False
        for reference in references:
            try:
                family = self.family(reference)
                self._check_use(reference)
            except Unresolved:
                failed = True
                continue
            for position, index in enumerate(reference.indices):
                match index:
                    case ast.Reference(name=name, indices=()) if name.text not in self.scope.parameters:
                        if family.key in self.broken:
                            unknown.append(name.text)
                            continue
                        values = {member.index[position] for member in family.members}
                        domains[name.text] = domains.get(name.text, values) & values
        if failed:
            raise Unresolved
        return {**{name: {1, 2} for name in unknown}, **domains}


def has_unknown_type(family: Family) -> bool:
    """Whether the type of data or of a view is a mistake that was reported."""
    return family.kind in {VariableKind.DATA, VariableKind.VIEW} and not family.type


def _origin(kind: VariableKind) -> str:
    return kind.value if kind in {VariableKind.DATA, VariableKind.VIEW} else "encoder"


def _joined_axes(axes: tuple[Axis, ...], members: Sequence[Member]) -> tuple[Axis, ...]:
    return tuple(
        Axis(axis.name, min(member.index[i] for member in members), max(member.index[i] for member in members))
        for i, axis in enumerate(axes)
    )


def _listed(family: Family) -> str:
    members = [f"`{member}`" for member in family.members]
    return ", ".join(members) if len(members) <= 6 else f"{members[0]} to {members[-1]}"


def assignments(scope: Scope, span: Span, domains: Mapping[str, Sequence[int]]) -> Iterator[dict[str, int]]:
    """Every combination of values of the indices, in order.

    Args:
        scope: for mistakes.
        span: what has these indices.
        domains: values of each index.
    """
    count = prod(len(values) for values in domains.values())
    if count > MAX_INSTANCES:
        raise scope.fail(
            errors.range_too_large(span, "the indices have", "combinations of values", count, MAX_INSTANCES)
        )
    scope.expand(span, count)
    names = list(domains)
    return (dict(zip(names, values, strict=True)) for values in product(*domains.values()))


def declared_members(
    scope: Scope, target: ast.Reference, inherited: Mapping[str, Sequence[int]]
) -> tuple[tuple[Axis, ...], dict[str, list[int]]]:
    """Axes of a declaration `R[i]` or `X[i: 1..2]`, and the values of its indices.

    Args:
        scope: for numbers and mistakes.
        target: the declared variable.
        inherited: values of the indices that its sources bring.
    """
    domains = {name: list(values) for name, values in inherited.items()}
    for index in target.indices:
        if isinstance(index, ast.Binder):
            domains[index.name.text] = bound_values(scope, index, inherited)
    axes = []
    for position, index in enumerate(target.indices):
        if isinstance(index, ast.Range):
            raise scope.fail(errors.range_without_name(index.span, target.span.text, index.span.text))
        free = names_in(scope, index)
        for name in free:
            if name.text not in domains:
                remedy = f"give it a range: `{target.name.text}[{name.text}: 1..2]`"
                raise scope.fail(errors.unbound_index(name.span, name.text, "in what is declared", remedy=remedy))
        relevant = {name.text: domains[name.text] for name in free}
        values = [_declared_index(scope, index, a) for a in assignments(scope, target.span, relevant)]
        letter = free[0].text if free else _LETTERS[position % len(_LETTERS)]
        axes.append(Axis(letter, min(values, default=1), max(values, default=0)))
    return tuple(axes), domains


def bound_values(scope: Scope, binder: ast.Binder, inherited: Mapping[str, Sequence[int]]) -> list[int]:
    """Values of an index that a declaration gives a range, which must lie inside those that its sources bring."""
    name = binder.name.text
    if name in scope.parameters:
        letter = next((letter for letter in f"{_LETTERS}abc" if letter not in scope.parameters), "index")
        raise scope.fail(errors.index_is_parameter(binder.name.span, name, scope.parameters[name].span, letter))
    low, high = resolve_range(scope, binder.range)
    values = list(range(low, high + 1))
    sources = inherited.get(name, values)
    beyond = [value for value in values if value not in sources]
    if beyond and sources:
        raise scope.fail(errors.range_beyond_sources(binder.span, name, beyond[0], min(sources), max(sources)))
    return values


def declared_binder(scope: Scope, binder: ast.Binder) -> list[int]:
    """Values of an index that the name of a module declares: `q[k: 1..5]`."""
    return bound_values(scope, binder, {})


def _declared_index(scope: Scope, index: Index, assignment: Assignment) -> int:
    if isinstance(index, ast.Binder):
        return assignment[index.name.text]
    return evaluate_index(scope, index, assignment)


def declared_member(scope: Scope, target: ast.Reference, assignment: Assignment) -> Member:
    """The member that a declaration makes under an assignment."""
    return Member(target.name.text, tuple(_declared_index(scope, index, assignment) for index in target.indices))
