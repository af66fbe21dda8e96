"""The pieces of the package that a written file needs: taken from its own sources, with all that they refer to."""

import ast
import builtins
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec

from mvib.compile.emission.errors import EmissionError
from mvib.compile.emission.names import Names
from mvib.compile.emission.scope import local_names, references
from mvib.compile.emission.text import WIDTH, comment

PACKAGE = "mvib"
# Pieces that would need more than torch, numpy and one process, with a substitute that does not.
SUBSTITUTES = {
    **{
        ("mvib.estimators.draws", name): ("mvib.compile.emission.substitutes", name)
        for name in ("uniform", "normal", "exponential", "gamma", "integers", "whole_batch")
    },
    ("mvib.nn.sphere", "log_peak"): ("mvib.compile.emission.substitutes", "log_peak"),
    ("kornia.color", "rgb_to_hsv"): ("mvib.compile.emission.substitutes", "rgb_to_hsv"),
    ("kornia.color", "hsv_to_rgb"): ("mvib.compile.emission.substitutes", "hsv_to_rgb"),
}
ALLOWED = frozenset({"torch", "numpy"})
# That of tools which are not told another.
_IMPORT_WIDTH = 88
# What is checked in the package's own tests, and only said in a file.
_CHECKED_SHAPES = "jaxtyping"
_MARKS = re.compile(r"\s*#\s*(type: ignore|noqa).*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module of the package as text.

    Attributes:
        name: dotted.
        lines: of its source.
        about: first line of its docstring.
        legend: comment lines below its imports that say what suffixes of names mean.
        symbols: the statement that defines each name.
        imports: by local name the module and the object imported, no object for a module.
    """

    name: str
    lines: tuple[str, ...]
    about: str
    legend: tuple[str, ...]
    symbols: dict[str, ast.stmt]
    imports: dict[str, tuple[str, str]]


@cache
def read_module(name: str) -> Module:
    """Read a module of the package; it is not run."""
    found = find_spec(name)
    source = found.loader.get_source(name) if found is not None and hasattr(found.loader, "get_source") else None  # type: ignore[union-attr]
    if source is None:
        raise EmissionError(f"the source of `{name}` is not there", remedy="install mvib with its sources")
    tree = ast.parse(source)
    lines = tuple(source.splitlines())
    symbols: dict[str, ast.stmt] = {}
    imports: dict[str, tuple[str, str]] = {}
    for statement in tree.body:
        match statement:
            case ast.ImportFrom(module=str(module), names=aliases):
                imports |= {alias.asname or alias.name: (module, alias.name) for alias in aliases}
            case ast.Import(names=aliases):
                for alias in aliases:
                    local, whole = alias.asname or alias.name.partition(".")[0], alias.name
                    imports[local] = (whole if alias.asname else local, "")
            case ast.FunctionDef() | ast.ClassDef():
                symbols[statement.name] = statement
            case ast.Assign(targets=targets):
                symbols |= {n.id: statement for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=target)):
                symbols[target] = statement
            case _:
                pass
    about = (ast.get_docstring(tree) or "").partition("\n")[0]
    legend = tuple(_legend(lines))
    return Module(name=name, lines=lines, about=about, legend=legend, symbols=symbols, imports=imports)


def _legend(lines: tuple[str, ...]) -> Iterator[str]:
    is_legend = False
    for line in lines:
        is_legend = line.startswith("#") and (is_legend or "suffixes" in line)
        if is_legend:
            yield line


@dataclass(frozen=True, slots=True)
class _Edit:
    """New text for the bytes of a line from `start` to before `end`."""

    line: int
    start: int
    end: int
    text: str


@dataclass(slots=True)
class Library:
    """What one file needs of the package; asking for a piece brings it in, with all that it refers to.

    Attributes:
        names: of the pieces in the file.
        avoided: names that no import may have, since functions of the pieces use them for something of their own.
    """

    names: Names
    avoided: frozenset[str] = frozenset()
    _pieces: dict[tuple[str, str], str] = field(default_factory=dict)
    _imports: dict[tuple[str, str], str] = field(default_factory=dict)
    _edits: dict[tuple[str, str], list[_Edit]] = field(default_factory=dict)

    def path(self, path: str) -> str:
        """Name in the file of the object of a dotted path `package.module:object`."""
        module, _, name = path.partition(":")
        return self.piece(module, name)

    def piece(self, module: str, name: str) -> str:
        """Name in the file of an object of a module of the package.

        Raises:
            EmissionError: it belongs to another package.
        """
        module, name = SUBSTITUTES.get((module, name), (module, name))
        if module.partition(".")[0] != PACKAGE:
            raise EmissionError(
                f"`{name}` belongs to the package `{module.partition('.')[0]}`, which is none of torch and numpy",
                remedy="train it with `mvib train`, or put what mvib has in its place",
            )
        read = read_module(module)
        if name not in read.symbols and name in read.imports:
            return self._imported(*read.imports[name])
        assert name in read.symbols, f"{module} has no {name}"
        if (module, name) not in self._pieces:
            stem = module.rpartition(".")[2]
            self._pieces[module, name] = self.names.of((module, name), name, otherwise=f"{stem}_{name.strip('_')}")
            self._collect(read, name)
        return self._pieces[module, name]

    def external(self, module: str, name: str = "", local: str = "") -> str:
        """Name in the file of a module of others, or of an object of one."""
        root = module.partition(".")[0]
        if root not in ALLOWED and root not in sys.stdlib_module_names:
            raise EmissionError(
                f"the method needs `{module}`, and the file is to need torch and numpy only",
                remedy="train it with `mvib train`, or leave out what needs it",
            )
        if (module, name) not in self._imports:
            wanted = local or name or module
            if wanted in self.avoided:
                wanted = f"{root}_{wanted}"
            # `torch` and `nn` are kept free for this.
            is_kept = wanted in {"torch", "nn"}
            self._imports[module, name] = wanted if is_kept else self.names.of((module, name), wanted)
        return self._imports[module, name]

    def local_names(self) -> frozenset[str]:
        """Names that functions of the pieces bind."""
        return frozenset().union(*(local_names(read_module(m).symbols[name]) for m, name in self._pieces))

    def _imported(self, module: str, name: str, local: str = "") -> str:
        if (module, name) in SUBSTITUTES:
            return self.piece(module, name)
        if module == _CHECKED_SHAPES:
            return self.external("typing", "Annotated")
        if module.partition(".")[0] == PACKAGE:
            return self.piece(module, name)
        return self.external(module, name, local)

    def _collect(self, module: Module, name: str) -> None:
        edits = self._edits.setdefault((module.name, name), [])
        found, quoted = references(module.symbols[name])
        for quotes in quoted:
            edits += [_Edit(quotes.line, at, at + 1, "") for at in (quotes.start, quotes.end)]
        for reference in found:
            target, end = reference.name, reference.end
            if target in module.symbols:
                new = self.piece(module.name, target)
            elif target in module.imports:
                source, attribute = module.imports[target]
                if source.partition(".")[0] == PACKAGE and find_submodule(source, attribute):
                    new = self.piece(f"{source}.{attribute}", reference.attribute)
                    end = reference.end_of_attribute
                else:
                    new = self._imported(source, attribute, target)
            else:
                assert target in dir(builtins) or target.startswith("__"), f"{module.name}: what is {target}?"
                continue
            if new != target:
                edits.append(_Edit(reference.line, reference.start, end, new))

    def imports(self) -> str:
        """The lines that import, those of Python first."""
        plain = [
            f"import {module}" + (f" as {local}" if local != module else "")
            for (module, name), local in self._imports.items()
            if not name
        ]
        by_module: dict[str, list[str]] = {}
        froms: list[str] = []
        for (module, name), local in self._imports.items():
            if name and local == name:
                by_module.setdefault(module, []).append(name)
            elif name:
                froms.append(f"from {module} import {name} as {local}")
        froms += [_from_line(module, sorted(names)) for module, names in by_module.items()]

        def is_ours(line: str) -> bool:
            return line.split()[1].partition(".")[0] in sys.stdlib_module_names

        every = [*sorted(plain), *sorted(froms, key=lambda line: (line.split()[1], " as " in line))]
        blocks = [[line for line in every if is_ours(line)], [line for line in every if not is_ours(line)]]
        return "\n\n".join("\n".join(block) for block in blocks if block)

    def sections(self) -> str:
        """The pieces, module by module, each module behind those it refers to."""
        return "\n\n\n".join(self._section(read_module(name)) for name in self._order())

    def _order(self) -> list[str]:
        """The modules in the order in which their imports would run them, so that every line finds what it needs."""
        wanted = {module for module, _ in self._pieces}
        seen: dict[str, None] = {}

        def visit(name: str) -> None:
            if name in seen:
                return
            seen[name] = None
            for target in read_module(name).imports.values():
                module, attribute = SUBSTITUTES.get(target, target)
                if module.partition(".")[0] == PACKAGE:
                    visit(f"{module}.{attribute}" if find_submodule(module, attribute) else module)
            order.append(name)

        order: list[str] = []
        for name in sorted(wanted):
            visit(name)
        return [name for name in order if name in wanted]

    def _section(self, module: Module) -> str:
        rule = f"# ---- {module.name} {'-' * (WIDTH - len(module.name) - 8)}"
        heading = "\n".join([rule, *comment(module.about)])
        wanted = {id(module.symbols[name]): name for origin, name in self._pieces if origin == module.name}
        # In the order of the module, in which every line can be run.
        statements = {id(s): s for s in module.symbols.values() if id(s) in wanted}
        pieces = [self._text(module, wanted[key], statement) for key, statement in statements.items()]
        legend = "\n".join(module.legend)
        text = heading + (f"\n{legend}" if legend else "") + "\n\n"
        previous = ""
        for piece in pieces:
            is_short = _is_plain(piece) and (not previous or _is_plain(previous))
            text += ("" if not previous else "\n" if is_short else "\n\n\n") + piece
            previous = piece
        return text

    def _text(self, module: Module, name: str, statement: ast.stmt) -> str:
        decorators = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
        assert statement.end_lineno is not None
        edits = set(self._edits[module.name, name])
        own = self._pieces[module.name, name]
        if own != name:
            # The name that it defines itself.
            line, start = _place_of_name(module, name, statement)
            edits.add(_Edit(line, start, start + len(name.encode()), own))
        lines = []
        for number in range(first, statement.end_lineno + 1):
            text = module.lines[number - 1].encode()
            for edit in sorted((e for e in edits if e.line == number), key=lambda e: e.start, reverse=True):
                text = text[: edit.start] + edit.text.encode() + text[edit.end :]
            lines.append(text.decode())
        above = first - 1
        while above and module.lines[above - 1].startswith("#") and module.lines[above - 1] not in module.legend:
            above -= 1
        comments = [line for line in module.lines[above : first - 1] if not line.startswith("# ----")]
        return without_marks("\n".join([*comments, *lines]))


def _from_line(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= _IMPORT_WIDTH:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


@cache
def find_submodule(package: str, name: str) -> bool:
    """Whether a name imported from a package is a module of it."""
    if not name or not find_spec(package) or not getattr(find_spec(package), "submodule_search_locations", None):
        return False
    return find_spec(f"{package}.{name}") is not None


def _place_of_name(module: Module, name: str, statement: ast.stmt) -> tuple[int, int]:
    """Line and offset of the name in its definition."""
    match statement:
        case ast.FunctionDef() | ast.ClassDef():
            line = module.lines[statement.lineno - 1]
            return statement.lineno, line.encode().index(name.encode(), len("def "))
        case _:
            found = next(n for n in ast.walk(statement) if isinstance(n, ast.Name) and n.id == name)
            return found.lineno, found.col_offset


def _is_plain(piece: str) -> bool:
    return not any(line.startswith(("def ", "class ", "@", "async ")) for line in piece.splitlines())


def without_marks(text: str) -> str:
    """Source without the comments that speak to the tools of the package."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
        if token.type == tokenize.COMMENT and _MARKS.match(token.string):
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    return "\n".join(lines)
