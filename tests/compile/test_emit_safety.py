"""A spec from a stranger cannot put a line of its own into the file that is written from it."""

import ast

import pytest

import mvib
from mvib.compile.emission import EmissionError
from mvib.compile.emission.library import Library
from mvib.compile.emission.names import Names, identifier
from mvib.compile.emission.text import comment, inside_docstring, quoted
from tests.compile.emitted import built, written
from tests.compile.test_emit import assert_equal_run

NASTY = (
    'x"""\nimport os',
    "x\rimport os",
    "x\x0cimport os",
    "x\u2028import os",
    "x\x85import os",
    "back\\",
    '\\"""',
    "\u202eturned",
    "null\x00",
    '"',
)


@pytest.mark.parametrize("text", NASTY)
def test_text_stays_where_it_was_put(text: str) -> None:
    assert ast.literal_eval(quoted(text)) == text
    lines = "\n".join(comment(text))
    assert ast.parse(lines).body == []
    (only,) = ast.parse(f'"""{inside_docstring(text)}."""').body
    assert isinstance(only, ast.Expr)
    assert isinstance(only.value, ast.Constant)
    assert "\u202e" not in lines


def test_names_are_identifiers_each_its_own() -> None:
    names = Names()
    texts = ["Z[1]", "Z 1", "class", "self", "ª", "a", "1", "", "+", "print", "unit(Z[1])", "__import__('os')"]
    given = [names.of(text, text) for text in texts]
    assert len(set(given)) == len(texts)
    assert all(name.isidentifier() for name in given)
    assert not {"class", "self", "print"} & set(given)
    assert names.of("Z[1]", "Z[1]") == given[0] == "Z_1"
    assert identifier("_kept") == "_kept"


def test_a_spec_whose_names_mean_something_to_python_is_written_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = mvib.loads(
        'method torch\nabout "Ends \\" \\"\\"\\" import os"\ncite "\\\\"\n'
        "param training = 0.5\nparam forward = linear(0 -> 1)\nparam nn = 2\n"
        "data batch: vector, loss: label\n"
        "view self[i: 1..2] ~ noise(batch, std: 0.1)\n"
        "encoder add: self[i] -> terms[i] = mlp(16)\n"
        "encoder __init__: terms[i] -> mlp[i] = mlp(16)\n"
        "decoder class: terms[1] ~> loss = categorical()\n"
        "term losses: maximize training * I(mlp[1]; mlp[2]) by infonce(temperature: nn)\n"
        "term print: maximize forward * I(terms[1]; loss) by class  # \x0cimport os\n"
        "represent terms\n"
    )
    pair = written(spec, monkeypatch)
    tree = ast.parse(pair.text)
    expected = ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef | ast.Assign | ast.AnnAssign
    assert isinstance(tree.body[0], ast.Expr)
    assert all(isinstance(statement, expected) for statement in tree.body[1:])
    imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert "os" not in imported
    assert_equal_run(pair, built(pair, seed=0))


def test_what_belongs_to_another_package_is_refused_with_its_name() -> None:
    with pytest.raises(EmissionError, match="belongs to the package `someone`"):
        Library(Names()).path("someone.modules:net")
