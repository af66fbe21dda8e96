"""The order in which a diagram takes variables and modules: as the spec declares them.

Names play no part in it, so that renaming a variable moves nothing.
"""

from collections.abc import Iterator

from mvib.semantics.method import Channel, ChannelKind, Family, Member, Method, Module
from mvib.syntax import ast


def declared_families(method: Method) -> tuple[Family, ...]:
    """The families of a method in the order of their declaration, as far as that is topological."""
    written = dict.fromkeys(key for statement in method.spec.statements for key in _declared_keys(statement))
    waiting = [key for key in written if key in method.variables]
    waiting += [key for key in method.variables if key not in written]
    behind: dict[str, set[str]] = {key: set() for key in waiting}
    for channel in method.channels:
        if channel.kind is not ChannelKind.DECODER:
            key = method.family_of(channel.target).key
            behind[key] |= {method.family_of(source).key for source in channel.sources} - {key}
    ordered: list[str] = []
    while waiting:
        # Families that are made from each other's members have no topological order: the first declared comes first.
        key = next((key for key in waiting if behind[key] <= set(ordered)), waiting[0])
        waiting.remove(key)
        ordered.append(key)
    return tuple(method.variables[key] for key in ordered)


def declared_modules(method: Method) -> tuple[Module, ...]:
    """The modules of a method: view channels, encoders, decoders, each kind in the order of its declaration."""
    statements = [s for s in method.spec.statements if isinstance(s, ast.Encoder | ast.Decoder)]
    written = list(dict.fromkeys(statement.name.name.text for statement in statements))
    families = [family.key for family in declared_families(method)]
    drawn = {channel.module: families.index(method.family_of(channel.target).key) for channel in method.channels}

    def place(module: Module) -> tuple[int, int, tuple[int, ...]]:
        if module.kind is ChannelKind.VIEW:
            return 0, drawn.get(module.name, 0), ()
        index = module.name.removeprefix(module.family).strip("[]")
        numbers = tuple(int(number) for number in index.split(",")) if index else ()
        return 2 if module.kind is ChannelKind.DECODER else 1, written.index(module.family), numbers

    return tuple(sorted(method.modules.values(), key=place))


def declared_channels(method: Method) -> tuple[Channel, ...]:
    """The arrows of a method, by module and then by the variables they join."""
    modules = {module.name: position for position, module in enumerate(declared_modules(method))}
    families = {family.key: position for position, family in enumerate(declared_families(method))}

    def variable(member: Member) -> tuple[int, tuple[int, ...]]:
        return families[method.family_of(member).key], member.index

    def place(channel: Channel) -> tuple[int, list[tuple[int, tuple[int, ...]]]]:
        return modules[channel.module], [variable(member) for member in (channel.target, *channel.sources)]

    return tuple(sorted(method.channels, key=place))


def _declared_keys(statement: ast.Statement) -> Iterator[str]:
    match statement:
        case ast.Data(declarations=declarations):
            targets = [declaration.target for declaration in declarations]
        case ast.View(targets=references):
            targets = list(references)
        case ast.Encoder(arrows=arrows):
            targets = [arrow.target for arrow in arrows]
        case _:
            targets = []
    for target in targets:
        yield f"{target.name.text}[]" if target.indices else target.name.text
