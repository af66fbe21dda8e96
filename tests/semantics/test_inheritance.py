"""`extends` and `drop`: what of a child takes the place of what in its parent."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mvib.driver import Analysis, analyse, read_source
from mvib.semantics.method import Method
from mvib.semantics.values import value_at
from mvib.syntax.formatter import format_spec
from tests.semantics.spec_text import analysed, channels_of, quantities_of, resolved, write_specs

PARENT = """mvib 1
method Parent
about "The parent."
cite "Somebody. 2020"
param t = 0.5
param w = 1
data    X: image, Y: label
view    X[i: 1..2] ~ augment(X)
encoder f: X[i] -> R[i] = backbone()
encoder g: R[i] -> Z[i] = mlp(128, 64)
term contrast: maximize I(Z[1]; Z[2]) by infonce(temperature: t)
maximize w * mean(i) H(Z[i]) by variance_covariance()
assume gaussian(Z[i])
represent R
train { epochs: 20  batch: 128 }
"""

Extend = Callable[[str], Method]


@pytest.fixture
def extend(tmp_path: Path) -> Extend:
    """The method of a child with the statements given."""

    def child(statements: str) -> Method:
        write_specs(
            tmp_path, {"parent.mvib": PARENT, "child.mvib": f'method Child extends "parent.mvib"\n{statements}\n'}
        )
        return resolved((tmp_path / "child.mvib").read_text(encoding="utf-8"), name=str(tmp_path / "child.mvib"))

    return child


def checked(folder: Path, name: str) -> Analysis:
    return analyse(read_source(folder / name))


def test_everything_is_inherited(extend: Extend) -> None:
    method = extend("")
    parent = resolved(PARENT)
    assert method.name == "Child"
    assert method.about == "The parent."
    assert [citation.text for citation in method.citations] == ["Somebody. 2020"]
    assert method.channels == parent.channels
    assert method.terms == parent.terms
    assert method.settings == parent.settings
    assert method.represent == parent.represent


def test_resolved_spec_stands_alone(extend: Extend) -> None:
    method = extend("param t = 0.1\ndrop term contrast\nview X[i: 1..3] ~ crop(X)")
    text = format_spec(method.spec)
    assert "extends" not in text
    assert "drop" not in text
    alone = resolved(text)
    assert alone.channels == method.channels
    assert alone.terms == method.terms


def test_parameter_is_replaced(extend: Extend) -> None:
    method = extend("param t = 0.1")
    assert value_at(method.parameters["t"].value, 0) == 0.1
    assert value_at(method.parameters["w"].value, 0) == 1


def test_data_variable_is_replaced_alone(extend: Extend) -> None:
    method = extend("data Y: vector")
    assert {family.name: family.type for family in method.variables.values() if not family.axes and family.type} == {
        "X": "image",
        "Y": "vector",
    }


def test_view_family_is_replaced_as_a_whole(extend: Extend) -> None:
    method = extend("view X[i: 1..4] ~ crop(X)")
    assert channels_of(method, "crop") == [f"crop: X ~> X[{i}]" for i in (1, 2, 3, 4)]
    assert quantities_of(method, "H_Zi") == [f"H(Z[{i}])" for i in (1, 2, 3, 4)]


def test_single_member_is_replaced_alone(tmp_path: Path) -> None:
    parent = "method P\ndata X: image\nview X[1] ~ augment(X)\nview X[2] ~ augment(X)\n"
    parent += "encoder f: X[i] -> Z[i] = backbone()\n"
    write_specs(tmp_path, {"p.mvib": parent, "c.mvib": 'method C extends "p.mvib"\nview X[2] ~ weak(X)\n'})
    method = checked(tmp_path, "c.mvib").method
    assert method is not None
    assert channels_of(method)[:2] == ["augment: X ~> X[1]", "f: X[1] -> Z[1]"]
    assert channels_of(method, "weak") == ["weak: X ~> X[2]"]


def test_one_of_several_views_of_a_statement_is_replaced(tmp_path: Path) -> None:
    parent = "method P\ndata X: image\nview A, B ~ augment(X)\nencoder f: A -> Z, B -> W = backbone()\n"
    write_specs(tmp_path, {"p.mvib": parent, "c.mvib": 'method C extends "p.mvib"\nview B ~ weak(X)\n'})
    method = checked(tmp_path, "c.mvib").method
    assert method is not None
    assert channels_of(method, "augment") == ["augment: X ~> A"]
    assert channels_of(method, "weak") == ["weak: X ~> B"]


def test_module_is_replaced(extend: Extend) -> None:
    method = extend("encoder g: R[i] -> Z[i] = linear(32)")
    assert method.modules["g"].call is not None
    assert method.modules["g"].call.text() == "linear(32)"


def test_labelled_term_is_replaced_in_its_place(extend: Extend) -> None:
    method = extend("term contrast: maximize I(Z[1]; Z[2]) by cross_correlation()")
    assert [(term.label, term.estimator_name) for term in method.terms] == [
        ("contrast", "cross_correlation"),
        ("H_Zi", "variance_covariance"),
    ]


def test_term_without_a_label_is_replaced_by_its_text(extend: Extend) -> None:
    method = extend("maximize 3 * mean(i) H(Z[i]) by variance_covariance(std: 1)")
    assert [term.label for term in method.terms] == ["contrast", "H_Zi"]
    assert value_at(method.terms[1].weight, 0) == 3


def test_new_statements_are_added(extend: Extend) -> None:
    method = extend("term new: minimize H(Z[1] | Z[2]) by mse()\nassume sufficient(R[1], Y)")
    assert [term.label for term in method.terms] == ["contrast", "H_Zi", "new"]
    assert len(method.assumptions) == 3


@pytest.mark.parametrize("label", ["contrast", "H_Zi"])
def test_term_is_dropped(extend: Extend, label: str) -> None:
    method = extend(f"drop term {label}")
    assert [term.label for term in method.terms] == [other for other in ("contrast", "H_Zi") if other != label]


def test_dropped_term_may_be_written_anew(extend: Extend) -> None:
    method = extend("drop term contrast\nterm contrast: minimize H(Z[1] | Z[2]) by mse()")
    assert [term.label for term in method.terms] == ["H_Zi", "contrast"]


def test_train_settings_are_replaced_key_by_key(extend: Extend) -> None:
    settings = extend("train { batch: 64  seed: 3 }").settings
    assert (settings["epochs"], settings["batch"], settings["seed"]) == (20, 64, 3)


def test_representation_and_documentation_are_replaced(extend: Extend) -> None:
    method = extend('about "The child."\ncite "Me. 2021" arxiv:2101.00001\nrepresent Z')
    assert (method.about, [str(member) for member in method.represent]) == ("The child.", ["Z[1]"])
    assert [(citation.text, citation.arxiv) for citation in method.citations] == [("Me. 2021", "2101.00001")]


def test_order_of_the_child_is_irrelevant(extend: Extend) -> None:
    lines = ["param t = 0.1", "view X[i: 1..3] ~ crop(X)", "drop term contrast", "represent Z"]
    one, other = extend("\n".join(lines)), extend("\n".join(reversed(lines)))
    assert one.channels == other.channels
    assert one.terms == other.terms
    assert one.represent == other.represent


def test_version_may_stand_in_the_child_alone_and_in_both(tmp_path: Path) -> None:
    for parent in (PARENT, PARENT.replace("mvib 1\n", "")):
        write_specs(tmp_path, {"parent.mvib": parent, "child.mvib": 'mvib 1\nmethod C extends "parent.mvib"\n'})
        assert checked(tmp_path, "child.mvib").is_sound


def test_repetitions_are_found_in_each_file(tmp_path: Path) -> None:
    child = 'param t = 1\nmethod Child extends "parent.mvib"\nparam t = 2\ntrain { seed: 1 seed: 2 }\n'
    child += "represent R\nrepresent Z\n"
    write_specs(tmp_path, {"parent.mvib": PARENT, "child.mvib": child})
    found = [diagnostic.slug for diagnostic in checked(tmp_path, "child.mvib").diagnostics]
    assert sorted(found) == ["defined-twice", "method-not-first", "repeated-statement", "setting-given-twice"]


def test_grandparents(tmp_path: Path) -> None:
    specs = {
        "base/parent.mvib": PARENT,
        "base/middle.mvib": 'method Middle extends "parent.mvib"\nparam t = 0.3\nparam w = 2\n',
        "child.mvib": 'method Child extends "base/middle.mvib"\nparam w = 3\n',
    }
    write_specs(tmp_path, specs)
    method = checked(tmp_path, "child.mvib").method
    assert method is not None
    assert {name: value_at(p.value, 0) for name, p in method.parameters.items()} == {"t": 0.3, "w": 3}


def test_bundled_parent_by_name() -> None:
    for parent in ("simclr", '"simclr"'):
        method = resolved(f"method Child extends {parent}\ntrain {{ epochs: 1 }}\n")
        assert method.settings["epochs"] == 1


def test_mistakes_are_shown_in_the_file_they_are_in(tmp_path: Path) -> None:
    write_specs(
        tmp_path,
        {
            "parent.mvib": PARENT.replace("Z[2]) by", "Z[3]) by"),
            "child.mvib": 'method C extends "parent.mvib"\nrepresent Q\n',
        },
    )
    child, parent = checked(tmp_path, "child.mvib").diagnostics
    assert (Path(child.span.source.name).name, child.slug) == ("child.mvib", "undefined-variable")
    assert (Path(parent.span.source.name).name, parent.slug) == ("parent.mvib", "index-out-of-range")


def test_long_lines_of_parents_end(tmp_path: Path) -> None:
    specs = {f"s{i}.mvib": f'method S extends "s{i + 1}.mvib"\n' for i in range(40)}
    write_specs(tmp_path, {**specs, "s40.mvib": PARENT})
    (found,) = checked(tmp_path, "s0.mvib").diagnostics
    assert (found.slug, found.title) == ("cyclic-extends", "more than 16 specs extend each other in a row")


@pytest.mark.parametrize("name", ["../secret.mvib", "inner/../../secret.mvib", "{folder}/secret.mvib", "link.mvib"])
def test_no_file_outside_the_folder_is_read(tmp_path: Path, name: str) -> None:
    write_specs(tmp_path, {"secret.mvib": PARENT, "inner/child.mvib": ""})
    (tmp_path / "inner" / "link.mvib").symlink_to(tmp_path / "secret.mvib")
    text = f'method C extends "{name.format(folder=tmp_path)}"\n'
    (found,) = analysed(text, name=str(tmp_path / "inner" / "child.mvib")).diagnostics
    assert (found.slug, found.why) == ("unknown-parent", "a spec reads no file outside its own folder")
