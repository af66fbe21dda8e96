"""The order of the stages: text -> tree -> method -> graph -> readings -> checks. Prints nothing, imports no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mvib.catalogue import Catalogue, load_catalogue
from mvib.checks import run_checks
from mvib.checks.allowance import silence
from mvib.diagnostics import Diagnostic, SpecError, has_errors
from mvib.graph import InformationGraph, Reading, build_graph, find_broken_paths, read_terms
from mvib.resources import bundled_specs, diagnostic_pages
from mvib.semantics import errors
from mvib.semantics.inherit import MissingParent, Override, apply_overrides, inherit
from mvib.semantics.method import LinearRelation, Method
from mvib.semantics.resolve import resolve_method
from mvib.source import SourceFile, Span
from mvib.syntax import ast
from mvib.syntax.messages import explain_limit
from mvib.syntax.parser import MAX_CHARACTERS, MAX_STATEMENTS, parse_source


class SpecNotFoundError(SpecError, FileNotFoundError):
    """A spec that was named on the command line or in Python is neither a file nor bundled; without diagnostics.

    Attributes:
        name: what was named.
        known: names of the bundled specs.
    """

    def __init__(self, name: str, known: Sequence[str], why: str = "") -> None:
        self.name, self.known, self.why = name, tuple(known), why
        self.diagnostics = ()
        # That of SpecError wants a place in a file.
        Exception.__init__(self, f"`{name}` cannot be read: {why}" if why else f"there is no spec `{name}`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything the stages before torch find out about a spec.

    Attributes:
        source: the file.
        method: the typed method, None when the spec is wrong.
        graph: its graph, None when the spec is wrong.
        readings: the information paths of its terms by label.
        diagnostics: what was found, errors first.
    """

    source: SourceFile
    method: Method | None
    graph: InformationGraph | None
    readings: Mapping[str, tuple[Reading, ...]]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def is_sound(self) -> bool:
        """Whether there is no error."""
        return not has_errors(self.diagnostics)


# No character takes more than four bytes.
_MAX_BYTES = 4 * MAX_CHARACTERS


def _universal_newlines(text: str) -> str:
    """Line breaks of other systems as ours, as a file that is opened as text has them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_source(name: str | Path, *, text: str | None = None) -> SourceFile:
    """The source of a spec: a path, or the name of a bundled spec.

    Args:
        name: path, or `vicreg`.
        text: the text, when it does not come from a file (standard input); `name` is then only shown.

    Raises:
        SpecNotFoundError: no such file and no such bundled spec, or it is not text.
    """
    if text is not None:
        return SourceFile(str(name), text)
    path = Path(name)
    bundled = bundled_specs()
    if path.suffix != ".mvib" and not path.is_file() and str(name) in bundled:
        path = bundled[str(name)]
    try:
        with path.open("rb") as file:
            # One byte more than any spec may have: a device or a huge file is not read to its end.
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror if path.exists() else ""
        raise SpecNotFoundError(str(name), tuple(bundled), why or "") from error
    if len(content) > _MAX_BYTES:
        too_large = f"it is larger than any spec, more than {_MAX_BYTES:,} bytes"
        raise SpecNotFoundError(str(name), tuple(bundled), too_large)
    try:
        return SourceFile(str(path), _universal_newlines(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise SpecNotFoundError(str(name), tuple(bundled), "the file is not UTF-8 text") from error


def analyse(
    source: SourceFile,
    *,
    overrides: Mapping[str, str] | None = None,
    plugins: tuple[str, ...] = (),
    claim: str | None = None,
    prove: bool = True,
) -> Analysis:
    """Run every stage before torch. Never raises for any text.

    Args:
        source: the spec.
        overrides: values by name, `{"beta": "0.1", "train.batch": "512"}`, each in the syntax of a spec.
        plugins: entry points whose catalogue entries the spec may use.
        claim: a relation that is claimed in the place of the spec's own claims.
        prove: whether to prove the claims.
    """
    catalogue = load_catalogue(plugins)
    parsed = parse_source(source)
    if parsed.diagnostics:
        return _failed(source, parsed.diagnostics)
    spec, diagnostics = inherit(parsed.spec, _find_parent)
    given, wrong = parse_overrides(overrides or {})
    diagnostics += wrong
    if spec is None:
        return _failed(source, diagnostics)
    if len(spec.statements) > MAX_STATEMENTS:
        # Each file of a chain of `extends` may have as many: together they may not.
        what = f"with all that it extends it has more than {MAX_STATEMENTS} statements"
        return _failed(source, (*diagnostics, explain_limit(Span(source, 0, 0), what)))
    spec, wrong = apply_overrides(spec, given)
    diagnostics += wrong
    if claim is not None:
        claimed = _parse_claim(claim)
        if isinstance(claimed, ast.Claim):
            kept = tuple(statement for statement in spec.statements if not isinstance(statement, ast.Claim))
            spec = replace(spec, statements=(*kept, claimed))
        else:
            diagnostics += claimed
    return _analyse_spec(source, spec, catalogue, diagnostics, prove=prove)


def _analyse_spec(
    source: SourceFile, spec: ast.Spec, catalogue: Catalogue, found: Sequence[Diagnostic], *, prove: bool
) -> Analysis:
    resolved = resolve_method(spec, catalogue)
    if resolved.method is None or has_errors(found):
        return _failed(source, (*found, *resolved.diagnostics))
    graph = build_graph(resolved.method)
    readings, path_errors = read_terms(graph, resolved.method.terms)
    facts = (*resolved.method.assumptions, *resolved.method.claims)
    path_errors += find_broken_paths(graph, [fact for fact in facts if isinstance(fact, LinearRelation)])
    diagnostics = (*found, *path_errors, *resolved.diagnostics)
    if not path_errors:
        checked = run_checks(resolved.method, graph, readings, prove=prove)
        # Before the checks ran, nobody can say that a comment allows nothing.
        diagnostics = silence(
            spec, source, (*diagnostics, *checked), of_checks=checked, slugs=tuple(diagnostic_pages()), proved=prove
        )
    ordered = _in_order(source, diagnostics)
    return Analysis(source=source, method=resolved.method, graph=graph, readings=readings, diagnostics=ordered)


def _in_order(source: SourceFile, diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Errors first, then by place: the spec itself before its parents."""
    return tuple(
        sorted(
            diagnostics,
            key=lambda d: (not d.is_error, d.span.source is not source, d.span.source.name, d.span.start),
        )
    )


def _failed(source: SourceFile, diagnostics: Sequence[Diagnostic]) -> Analysis:
    return Analysis(source=source, method=None, graph=None, readings={}, diagnostics=_in_order(source, diagnostics))


def parse_overrides(overrides: Mapping[str, str]) -> tuple[list[Override], list[Diagnostic]]:
    """`NAME=VALUE` from outside, each value read with the grammar of a spec."""
    result: list[Override] = []
    diagnostics: list[Diagnostic] = []
    for name, text in overrides.items():
        override = _parse_override(name, text)
        if isinstance(override, Diagnostic):
            diagnostics.append(override)
        else:
            result.append(override)
    return result, diagnostics


def _parse_override(name: str, text: str) -> Override | Diagnostic:
    head, _, key = name.rpartition(".")
    in_train = head == "train"
    source = SourceFile(f"--set {name}", f"train {{ {key}: {text} }}" if in_train else f"param {name} = {text}")
    parsed = parse_source(source)
    match parsed.spec.statements:
        case (ast.Param(name=param, value=value),):
            return Override(name=param.text, in_train=False, value=value, span=param.span)
        case (ast.Train(settings=(setting,)),):
            return Override(name=setting.key.text, in_train=True, value=setting.value, span=setting.key.span)
        case _:
            return errors.bad_override(Span(source, 0, len(source.text)), name, text)


def _parse_claim(text: str) -> ast.Claim | tuple[Diagnostic, ...]:
    """A relation from outside, read with the grammar of a spec."""
    source = SourceFile("claim", f"claim {text}")
    parsed = parse_source(source)
    if parsed.diagnostics:
        return parsed.diagnostics
    match parsed.spec.statements:
        case (ast.Claim() as claim,):
            return claim
        case _:
            return (errors.bad_claim(Span(source, 0, len(source.text)), text),)


def _find_parent(name: str, source: SourceFile) -> "ast.Spec | MissingParent":
    """The spec behind `extends`: a bundled one, or a file in the folder of the spec that names it (or below it)."""
    known = tuple(bundled_specs())
    if name in known:
        parent = read_source(name)
    else:
        folder = Path(source.name).parent
        path = folder / name
        if path.suffix != ".mvib":
            return MissingParent(known=known)
        if folder.resolve() not in path.resolve().parents:
            return MissingParent(known=known, why="a spec reads no file outside its own folder")
        if not path.is_file():
            return MissingParent(known=known, why=f"there is no file `{name}` beside this one")
        try:
            parent = read_source(path)
        except SpecNotFoundError as error:
            return MissingParent(known=known, why=error.why)
    parsed = parse_source(parent)
    if parsed.diagnostics:
        return MissingParent(known=known, diagnostics=parsed.diagnostics)
    return parsed.spec
