"""`extends`, `drop` and overrides: trees in, one tree out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mvib.diagnostics import Diagnostic
from mvib.semantics import errors
from mvib.semantics.text import term_labels
from mvib.source import SourceFile, Span
from mvib.syntax import ast

MAX_DEPTH = 16

# Given the text behind `extends` and the file it stands in: the parsed parent, or why there is none.
FindParent = Callable[[str, SourceFile], "ast.Spec | MissingParent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingParent:
    """A parent that could not be had."""

    known: tuple[str, ...]
    why: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """`NAME=VALUE` from outside: a parameter, or `train.KEY`."""

    name: str
    in_train: bool
    value: ast.Value
    span: Span


def inherit(spec: ast.Spec, find_parent: FindParent) -> tuple[ast.Spec | None, list[Diagnostic]]:
    """The spec with everything it inherits, and no `extends`, `drop` or version left.

    Args:
        spec: a parsed file.
        find_parent: finds and parses the spec that is extended.

    Returns:
        The spec, None when a parent is missing; and what was found about the heads of the files and their drops.
    """
    return _inherit(spec, find_parent, (spec.source,))


def _inherit(
    spec: ast.Spec, find_parent: FindParent, chain: tuple[SourceFile, ...]
) -> tuple[ast.Spec | None, list[Diagnostic]]:
    diagnostics = _check_head(spec)
    method = next((s for s in spec.statements if isinstance(s, ast.Method)), None)
    if method is None or method.parent is None:
        merged, dropped = _merged(spec, None)
        return merged, [*diagnostics, *dropped]
    place = method.parent.span
    name = method.parent.value if isinstance(method.parent, ast.String) else method.parent.text
    found = find_parent(name, spec.source)
    if isinstance(found, MissingParent):
        missing = found.diagnostics or (errors.unknown_parent(place, name, found.known, found.why),)
        return None, [*diagnostics, *missing]
    paths = [_path(source) for source in chain]
    if _path(found.source) in paths:
        circle = [*chain[paths.index(_path(found.source)) :], found.source]
        names = [Path(source.name).name for source in circle]
        return None, [*diagnostics, errors.cyclic_extends(place, names)]
    if len(chain) > MAX_DEPTH:
        return None, [*diagnostics, errors.too_deep(place, MAX_DEPTH)]
    parent, inherited = _inherit(found, find_parent, (*chain, found.source))
    if parent is None:
        return None, [*diagnostics, *inherited]
    merged, dropped = _merged(spec, parent)
    return merged, [*diagnostics, *inherited, *dropped]


def _path(source: SourceFile) -> Path:
    return Path(source.name).resolve()


# ---- the head of a file ----------------------------------------------------------------------------------------------


def _check_head(spec: ast.Spec) -> list[Diagnostic]:
    """`mvib 1` at the top, `method` next, and what may stand once stands once."""
    diagnostics = []
    rest = list(spec.statements)
    if rest and isinstance(rest[0], ast.Version):
        version = rest.pop(0)
        assert isinstance(version, ast.Version)
        if version.number.value != 1:
            diagnostics.append(errors.unsupported_version(version.number.span, version.number.text))
    diagnostics += [errors.misplaced_version(s.span) for s in rest if isinstance(s, ast.Version)]
    once: dict[type[ast.Statement], ast.Statement] = {}
    for statement in rest:
        if isinstance(statement, ast.Method | ast.Represent | ast.Train):
            first = once.setdefault(type(statement), statement)
            if first is not statement:
                keyword = type(statement).__name__.casefold()
                diagnostics.append(
                    errors.repeated_statement(_first_word(statement.span), keyword, _first_word(first.span))
                )
    first_real = next((s for s in rest if not isinstance(s, ast.Version)), None)
    if not isinstance(first_real, ast.Method):
        place = _first_word(first_real.span) if first_real is not None else Span(spec.source, 0, 0)
        diagnostics.append(errors.method_not_first(place, exists=ast.Method in once))
    return diagnostics


def _first_word(span: Span) -> Span:
    length = len(span.text.split(None, 1)[0]) if span.text.strip() else 0
    return Span(span.source, span.start, span.start + length)


# ---- merging ---------------------------------------------------------------------------------------------------------


def _merged(spec: ast.Spec, parent: ast.Spec | None) -> tuple[ast.Spec, list[Diagnostic]]:
    """The statements of a spec and of its parent as one."""
    own = [s for s in spec.statements if not isinstance(s, ast.Version | ast.Drop)]
    kept = _split(parent.statements) if parent is not None else []
    diagnostics = []
    for statement in spec.statements:
        if isinstance(statement, ast.Drop):
            labels = _labels(kept)
            dropped = [s for s in kept if labels.get(id(s)) == statement.label.text]
            if dropped:
                kept = [s for s in kept if all(s is not other for other in dropped)]
            else:
                name, extends = statement.label.text, parent is not None
                diagnostics.append(
                    errors.nothing_to_drop(statement.label.span, name, sorted(labels.values()), extends=extends)
                )
    merged = _merge(kept, _split(own)) if parent is not None else own
    return replace(spec, statements=tuple(merged)), diagnostics


def _labels(statements: Sequence[ast.Statement]) -> Mapping[int, str]:
    """Labels of the terms among statements, by the identity of the statement."""
    terms = [statement for statement in statements if isinstance(statement, ast.Term)]
    return {id(term): label for term, label in zip(terms, term_labels(terms), strict=True)}


def _merge(inherited: Sequence[ast.Statement], own: Sequence[ast.Statement]) -> list[ast.Statement]:
    """Own statements take the place of inherited ones of the same identity; the others are added."""
    inherited_labels, own_labels = _labels(inherited), _labels(own)
    replacements: dict[tuple[str, str], ast.Statement] = {}
    added: list[ast.Statement] = []
    identities = {_identity(statement, inherited_labels) for statement in inherited}
    for statement in own:
        identity = _identity(statement, own_labels)
        if identity is not None and identity in identities and identity not in replacements:
            replacements[identity] = statement
        else:
            added.append(statement)
    result: list[ast.Statement] = []
    for statement in inherited:
        identity = _identity(statement, inherited_labels)
        new = replacements.get(identity) if identity is not None else None
        match statement, new:
            case _, ast.Method():
                result.append(replace(new, parent=None))
            case ast.Train(), ast.Train():
                result.append(_merge_train(statement, new))
            case ast.Cite(), _ if any(isinstance(s, ast.Cite) for s in own):
                continue
            case _:
                result.append(new or statement)
    return [*result, *added]


def _merge_train(inherited: ast.Train, own: ast.Train) -> ast.Train:
    """The settings of both; what `own` gives takes the place of what is inherited."""
    given = {setting.key.text for setting in own.settings}
    settings = [setting for setting in inherited.settings if setting.key.text not in given]
    return replace(own, settings=(*settings, *own.settings))


def _split(statements: Sequence[ast.Statement]) -> list[ast.Statement]:
    """One statement a data variable and a view, so that each can be replaced by its name."""
    result: list[ast.Statement] = []
    for statement in statements:
        match statement:
            case ast.Data(declarations=(first, *others)) if others:
                result.append(replace(statement, declarations=(first,)))
                result.extend(ast.Data(span=other.span, declarations=(other,)) for other in others)
            case ast.View(targets=(first_target, *other_targets), joint=False) if other_targets:
                result.append(replace(statement, targets=(first_target,)))
                result.extend(
                    ast.View(span=target.span, targets=(target,), channel=statement.channel) for target in other_targets
                )
            case _:
                result.append(statement)
    return result


def _identity(statement: ast.Statement, labels: Mapping[int, str]) -> tuple[str, str] | None:
    """What makes a statement of a child replace one of its parent."""
    match statement:
        case ast.Param(name=name):
            return "param", name.text
        case ast.Data(declarations=(declaration, *_)):
            return "data", _declared_text(declaration.target)
        case ast.View(targets=(target, *_)):
            return "view", _declared_text(target)
        case ast.Encoder(name=name) | ast.Decoder(name=name):
            return "module", name.name.text
        case ast.Term():
            return "term", labels[id(statement)]
        case ast.Method() | ast.About() | ast.Represent() | ast.Train():
            return type(statement).__name__, ""
        case _:
            return None


def _declared_text(target: ast.Reference) -> str:
    """A family by its name, a member by its index too: `X[i: 1..4]` replaces `X[i: 1..2]`, `X[2]` only `X[2]`."""
    fixed = [index.span.text for index in target.indices if not isinstance(index, ast.Binder)]
    if fixed:
        return f"{target.name.text}[{','.join(fixed)}]"
    return f"{target.name.text}[]" if target.indices else target.name.text


# ---- values from outside ---------------------------------------------------------------------------------------------


def apply_overrides(spec: ast.Spec, overrides: Sequence[Override]) -> tuple[ast.Spec, list[Diagnostic]]:
    """The spec with values from outside in the place of its own."""
    statements = list(spec.statements)
    diagnostics = []
    for override in overrides:
        if override.in_train:
            _override_setting(statements, override)
            continue
        found = [i for i, s in enumerate(statements) if isinstance(s, ast.Param) and s.name.text == override.name]
        names = [s.name.text for s in statements if isinstance(s, ast.Param)]
        if not found:
            diagnostics.append(errors.unresolvable_override(override.span, override.name, [*names, "train.epochs"]))
        for position in found:
            param = statements[position]
            assert isinstance(param, ast.Param)
            statements[position] = replace(param, value=override.value)
    return replace(spec, statements=tuple(statements)), diagnostics


def _override_setting(statements: list[ast.Statement], override: Override) -> None:
    key = ast.Name(span=override.span, text=override.name)
    setting = ast.Setting(span=override.span, key=key, value=override.value)
    given = ast.Train(span=override.span, settings=(setting,))
    for position, statement in enumerate(statements):
        if isinstance(statement, ast.Train):
            statements[position] = replace(_merge_train(statement, given), span=statement.span)
            return
    statements.append(given)
