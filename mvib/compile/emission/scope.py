"""Which names of a piece of Python refer to its module, and not to something local: with the place of each."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

# In their brackets stand shapes, which are strings and no forward references.
_SHAPED = frozenset({"Float", "Int", "Bool", "Shaped", "Annotated", "Literal", "Num", "Complex", "Integer"})

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A use of a name of the module.

    Attributes:
        name: that is used.
        attribute: of that name, where one is asked for: `np.zeros` is `np` with `zeros`.
        line: from 1.
        start: offset of its first byte in the line.
        end: offset behind the last byte of the name.
        end_of_attribute: offset behind the last byte of the attribute, the same as `end` without one.
    """

    name: str
    attribute: str = ""
    line: int
    start: int
    end: int
    end_of_attribute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """An annotation that is written as a string: offsets of its quotes in a line, from 1."""

    line: int
    start: int
    end: int


@cache
def references(statement: ast.stmt) -> tuple[tuple[Reference, ...], tuple[Quoted, ...]]:
    """Every use of a name of the module in one of its statements, and every quoted annotation, in no order."""
    visitor = _Visitor()
    visitor.visit(statement)
    return tuple(visitor.found), tuple(visitor.quoted)


@cache
def local_names(statement: ast.stmt) -> frozenset[str]:
    """Names that functions within a statement bind, their arguments among them."""
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, Function):
            names |= bound_names([node.body] if isinstance(node, ast.Lambda) else node.body)
            names |= {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        elif isinstance(node, Comprehension):
            names |= bound_names(generator.target for generator in node.generators)
    return frozenset(names)


def bound_names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Names that a body binds, functions and classes in it counted by their names only."""
    names: set[str] = set()
    not_own: set[str] = set()
    for node in _own_nodes(nodes):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names.add(name)
            case ast.MatchMapping(rest=str(name)):
                names.add(name)
            case ast.Global(names=outer) | ast.Nonlocal(names=outer):
                not_own |= set(outer)
            case _:
                pass
    return frozenset(names - not_own)


def _own_nodes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes below, without what lies in a scope of its own."""
    for node in nodes:
        yield node
        if isinstance(node, Function | ast.ClassDef):
            continue
        if isinstance(node, Comprehension):
            # A comprehension keeps its variables; only what `:=` binds in it leaves it.
            yield from (inner.target for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
            continue
        yield from _own_nodes(ast.iter_child_nodes(node))


class _Visitor(ast.NodeVisitor):
    """Walks with the local names of every scope it is in."""

    def __init__(self) -> None:
        self.found: list[Reference] = []
        self.quoted: list[Quoted] = []
        self._scopes: list[tuple[bool, frozenset[str]]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outside in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(outside)
        self._inside(node.body, is_class=True, names=bound_names(node.body))

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node, [node.elt])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node, [node.key, node.value])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and node.end_lineno == node.lineno and node.end_col_offset is not None:
            self._note(node.value, attribute=node.attr, end_of_attribute=node.end_col_offset)
            return
        self.visit(node.value)

    def visit_Name(self, node: ast.Name) -> None:
        assert node.end_col_offset is not None
        self._note(node, attribute="", end_of_attribute=node.end_col_offset)

    def _note(self, node: ast.Name, *, attribute: str, end_of_attribute: int, line: int = 0, start: int = 0) -> None:
        if self._is_local(node.id):
            return
        begin = start + node.col_offset
        self.found.append(
            Reference(
                name=node.id,
                attribute=attribute,
                line=line or node.lineno,
                start=begin,
                end=begin + len(node.id.encode()),
                end_of_attribute=start + end_of_attribute,
            )
        )

    def _is_local(self, name: str) -> bool:
        # A class hides its names from the functions in it.
        innermost = len(self._scopes) - 1
        return any(
            name in names and (not is_class or i == innermost) for i, (is_class, names) in enumerate(self._scopes)
        )

    def _function(self, node: Function) -> None:
        arguments = node.args
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        every = (*every, *(a for a in (arguments.vararg, arguments.kwarg) if a is not None))
        if not isinstance(node, ast.Lambda):
            for decorator in node.decorator_list:
                self.visit(decorator)
            for annotation in (*(a.annotation for a in every), node.returns):
                self._annotation(annotation)
        for default in (*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)):
            self.visit(default)
        body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
        self._inside(body, is_class=False, names=bound_names(body) | {a.arg for a in every})

    def _comprehension(self, node: Comprehension, results: list[ast.expr]) -> None:
        self.visit(node.generators[0].iter)
        inside: list[ast.AST] = [*results]
        for number, generator in enumerate(node.generators):
            inside += [generator.target, *generator.ifs, *([generator.iter] if number else [])]
        self._inside(inside, is_class=False, names=bound_names(g.target for g in node.generators))

    def _inside(self, body: Iterable[ast.AST], *, is_class: bool, names: frozenset[str]) -> None:
        self._scopes.append((is_class, names))
        for node in body:
            self.visit(node)
        self._scopes.pop()

    def _annotation(self, node: ast.expr | None) -> None:
        """As an expression, in which a string is one more."""
        match node:
            case None:
                return
            case ast.Constant(value=str(text)):
                assert node.end_col_offset is not None
                self.quoted.append(Quoted(line=node.lineno, start=node.col_offset, end=node.end_col_offset - 1))
                for inner in ast.walk(ast.parse(text, mode="eval")):
                    if isinstance(inner, ast.Name):
                        end = inner.col_offset + len(inner.id.encode())
                        start = node.col_offset + 1
                        self._note(inner, attribute="", end_of_attribute=end, line=node.lineno, start=start)
            case ast.BinOp(left=left, right=right):
                self._annotation(left)
                self._annotation(right)
            case ast.Subscript(value=ast.Name(id=name), slice=inner) if name not in _SHAPED:
                self.visit(node.value)
                for part in inner.elts if isinstance(inner, ast.Tuple) else [inner]:
                    self._annotation(part)
            case _:
                self.visit(node)
