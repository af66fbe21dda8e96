"""The layout of diagrams: what is shown, where it stands, and that no label lies on anything."""

from collections.abc import Callable, Mapping

import pytest

from mvib.driver import Analysis, analyse
from mvib.render import objective_latex, objective_text
from mvib.render.compose import compose
from mvib.render.drawing import Drawing, draw
from mvib.render.faults import Line, Mark, count_faults
from mvib.render.geometry import Box, Oval, Point, curve_between
from mvib.render.markup import plain_text
from mvib.resources import bundled_specs
from mvib.source import SourceFile

AnalyseText = Callable[[str], Analysis]

LADDER = (
    "method Ladder\ndata X: sequence\nview S[t: 1..9] ~ select(X, rows: t..t+1)\n"
    "encoder g: S[t] -> Z[t] = mlp(8)\nencoder a: Z[1..t] -> C[t: 1..9] = gru(8)\n"
    "term near: maximize mean(t) I(C[t]; Z[t+1]) by infonce(critic: bilinear())\n"
    "term far: maximize mean(t) I(C[t]; Z[t+4]) by infonce(critic: bilinear())\nrepresent C\n"
)
LABELLED = (
    "method Labelled\ndata X: image, Y: label\nview V[i: 1..2] ~ augment(X)\n"
    "encoder f: V[i] -> Z[i] = mlp(8)\nmaximize I(Z[1], Z[2]; Y) by supcon()\nrepresent Z\n"
)


@pytest.fixture(scope="module")
def drawings() -> Mapping[str, Drawing]:
    texts = {name: path.read_text(encoding="utf-8") for name, path in bundled_specs().items()}
    return {name: draw(compose(analyse(SourceFile(name, text)))) for name, text in texts.items()}


@pytest.mark.parametrize("name", sorted(bundled_specs()))
def test_each_term_is_marked(name: str, drawings: Mapping[str, Drawing]) -> None:
    drawing = drawings[name]
    marked = {arc.arc.term for arc in drawing.arcs} | {n for arrow in drawing.arrows for n in arrow.arrow.terms}
    assert marked == {term.number for term in drawing.picture.terms}


@pytest.mark.parametrize("name", sorted(bundled_specs()))
def test_no_plate_holds_a_stranger(name: str, drawings: Mapping[str, Drawing]) -> None:
    drawing = drawings[name]
    for plate in drawing.plates:
        strangers = [oval for circle, oval in drawing.circles if circle.name not in plate.members]
        assert not any(oval.box.overlaps(plate.box) for oval in strangers)
    members = [name for plate in drawing.plates for name in plate.members]
    assert sorted(members) == sorted(circle.name for circle, _ in drawing.circles if circle.plate)


@pytest.mark.parametrize("name", sorted(bundled_specs()))
def test_circles_do_not_touch(name: str, drawings: Mapping[str, Drawing]) -> None:
    boxes = [oval.box for _, oval in drawings[name].circles]
    boxes += [Box.around(place, 4, 20) for place in drawings[name].dots]
    assert not any(a.overlaps(b) for position, a in enumerate(boxes) for b in boxes[:position])


def test_members_are_shown_until_each_term_has_an_instance(analyse_text: AnalyseText) -> None:
    picture = compose(analyse_text(LADDER))
    assert {arc.term for arc in picture.arcs} == {1, 2}
    assert [c.name for c in picture.circles if c.name.startswith("Z")] == ["Z[1]", "Z[2]", "Z[5]", "Z[9]"]


def test_what_is_made_from_several_stands_beside_its_own_index(analyse_text: AnalyseText) -> None:
    places = {circle.name: oval.centre for circle, oval in draw(compose(analyse_text(LADDER))).circles}
    assert all(places[f"C[{t}]"].y == places[f"Z[{t}]"].y for t in (1, 2, 5, 9))


def test_a_label_stands_behind_what_it_is_compared_with(analyse_text: AnalyseText) -> None:
    places = {circle.name: oval.centre for circle, oval in draw(compose(analyse_text(LABELLED))).circles}
    assert places["Y"].x > places["Z[1]"].x
    assert places["Z[2]"].y < places["Y"].y < places["Z[1]"].y


def test_views_of_one_name_are_labelled_at_both_ends(analyse_text: AnalyseText) -> None:
    text = (
        "method Crops\ndata X: image\nview V[i: 1..2] ~ augment(X)\nview L[k: 1..3] ~ augment(X)\n"
        "encoder f: V[i] -> Z[i], L[k] -> W[k] = mlp(8)\n"
        "maximize I(Z[1]; Z[2]) by infonce()\nmaximize mean(k) I(Z[1]; W[k]) by infonce()\nrepresent Z\n"
    )
    views = [arrow for arrow in compose(analyse_text(text)).arrows if arrow.source == "X"]
    assert [plain_text(arrow.label) for arrow in views] == ["augment", "", "", "", "augment"]


def test_plates_that_are_divided_say_what_they_hold(drawings: Mapping[str, Drawing]) -> None:
    for drawing in drawings.values():
        index = {circle.name: circle.index for circle, _ in drawing.circles}
        for plate in drawing.plates:
            numbers = {index[name][0] for name in plate.members}
            low, high = min(numbers), max(numbers)
            assert plain_text(plate.text).split(", ")[0].endswith(f" = {low}..{high}" if low < high else f" = {low}")


def test_faults_are_counted() -> None:
    ovals = {name: Oval(Point(x, 0), 10, 10) for name, x in (("a", 0), ("b", 50), ("c", 100))}
    beside, through = (curve_between(ovals["a"], ovals["c"], bulge) for bulge in (30.0, 0.0))
    ends = frozenset({"a", "c"})
    assert count_faults(ovals, [Line(ends=ends, curve=beside)], []) == 0
    assert count_faults(ovals, [Line(ends=ends, curve=through)], []) == 1
    label = Mark(box=Box.around(Point(50, 30), 12, 12), line=0)
    assert count_faults(ovals, [Line(ends=ends, curve=beside)], [label]) == 0
    assert count_faults(ovals, [Line(ends=ends, curve=beside)], [label, label]) == 1
    other = Mark(box=label.box, line=1)
    short = Line(ends=frozenset({"a", "b"}), curve=curve_between(ovals["a"], ovals["b"], 0.0))
    assert count_faults(ovals, [Line(ends=ends, curve=beside), short], [other]) == 1
    assert count_faults(ovals, [], [Mark(box=Box.around(Point(0, 14), 12, 12), line=0)]) == 1


def test_a_third_is_written_as_a_fraction(analyse_text: AnalyseText) -> None:
    weighted = LABELLED.replace("maximize", "maximize 1 / 3 *")
    method = analyse_text(weighted).method
    assert method is not None
    assert objective_text(method).startswith("L = - 1 / 3 * I_supcon(")


def test_a_long_objective_is_broken_at_its_terms(analyse_text: AnalyseText) -> None:
    terms = "".join(f"term t{k}: maximize {k} * mean(i) H(Z[i]) by variance_covariance()\n" for k in range(2, 7))
    method = analyse_text(LABELLED.replace("represent", f"{terms}represent")).method
    assert method is not None
    lines = objective_latex(method).splitlines()
    assert lines[0] == r"\begin{aligned}"
    assert lines[1].startswith(r"\mathcal{L} = {} & - I_{\text{supcon}}(Z_{1}, Z_{2}; Y) \\")
    assert [line.startswith("  & - ") for line in lines[2:-1]] == [True] * 5
    assert lines[-1] == r"\end{aligned}"
