import re
from collections.abc import Callable

import pytest

from mvib.driver import Analysis
from mvib.render.compose import compose
from mvib.render.drawing import Drawing, draw
from mvib.render.markup import plain_text
from mvib.render.palette import TERMS, WEIGHTS
from mvib.render.picture import Fill, Picture, Stroke

AnalyseText = Callable[[str], Analysis]

EVERY_SPEC = (
    "simclr",
    "vicreg",
    "byol",
    "mvib",
    "vae",
    "vib",
    "modalities",
    "cpc",
    "names",
    "views",
    "targets",
    "joint",
    "stopped",
)


def _arrows(picture: Picture, stroke: Stroke) -> list[tuple[str, str, str]]:
    return [(plain_text(a.label), a.source, a.target) for a in picture.arrows if a.stroke is stroke]


def test_circles_by_kind(analyse_spec: AnalyseText) -> None:
    picture = compose(analyse_spec("byol"))
    kinds = {fill: [c.name for c in picture.circles if c.fill is fill] for fill in Fill}
    assert kinds == {
        Fill.DATA: ["X"],
        Fill.VIEW: ["X[1]", "X[2]"],
        Fill.REPRESENTATION: ["R[1]", "R[2]", "Z[1]", "Z[2]"],
        Fill.TARGET: ["S[1]", "S[2]", "T[1]", "T[2]"],
    }
    assert [c.name for c in picture.circles if c.is_represented] == ["R[1]", "R[2]"]


def test_arrows_by_kind_and_weights(analyse_spec: AnalyseText) -> None:
    picture = compose(analyse_spec("byol"))
    assert _arrows(picture, Stroke.VIEW) == [("augment", "X", "X[1]"), ("augment", "X", "X[2]")]
    assert _arrows(picture, Stroke.MOMENTUM)[:2] == [("ft", "X[1]", "S[1]"), ("ft", "X[2]", "S[2]")]
    colours = {plain_text(a.label): a.colour for a in picture.arrows}
    # A momentum copy has the colour of what it copies; a decoder that a term uses has the colour of the term.
    assert colours["f"] == colours["ft"] == WEIGHTS[0]
    assert colours["g"] == colours["gt"] == WEIGHTS[1]
    assert colours["q"] == TERMS[0]


def test_only_the_decoder_arrows_that_a_term_uses_are_drawn(analyse_spec: AnalyseText) -> None:
    picture = compose(analyse_spec("byol"))
    assert sorted(_arrows(picture, Stroke.DECODER)) == [("q", "Z[1]", "T[2]"), ("q", "Z[2]", "T[1]")]
    assert all(arrow.terms == (1,) for arrow in picture.decodings)
    assert picture.arcs == ()


def test_a_decoder_that_no_term_uses_is_drawn_whole(analyse_text: AnalyseText) -> None:
    picture = compose(
        analyse_text(
            "method A\ndata X: image\nencoder f: X -> Z = mlp(8)\nencoder g: X -> W = mlp(8)\n"
            "decoder q: Z ~> W = gaussian()\nmaximize H(Z) by variance_covariance()\n"
        )
    )
    assert _arrows(picture, Stroke.DECODER) == [("q", "Z", "W")]
    assert picture.decodings[0].terms == ()


def test_arcs_join_what_a_term_relates(analyse_spec: AnalyseText) -> None:
    vicreg = compose(analyse_spec("vicreg"))
    assert [(a.term, a.first, a.second) for a in vicreg.arcs] == [
        (1, "Z[1]", ""),
        (1, "Z[2]", ""),
        (2, "Z[1]", "Z[2]"),
    ]
    mvib = compose(analyse_spec("mvib"))
    assert [(a.term, a.first, a.second) for a in mvib.arcs] == [
        (1, "Z[1]", "Z[2]"),
        (2, "X[1]", "Z[1]"),
        (2, "X[2]", "Z[2]"),
    ]
    assert [a.colour for a in mvib.arcs] == [TERMS[0], TERMS[1], TERMS[1]]


def test_a_decoder_in_a_rate_is_marked(analyse_spec: AnalyseText) -> None:
    picture = compose(analyse_spec("modalities"))
    assert {(a.source, a.target): a.terms for a in picture.decodings} == {
        ("Z1", "Z2"): (2,),
        ("Z2", "Z1"): (1,),
        ("Z1", "Y"): (3,),
        ("Z2", "Y"): (),
    }
    assert {(a.source, a.target): a.colour for a in picture.decodings}["Z2", "Y"] == TERMS[2]


def test_stop_gradients_are_marked(analyse_text: AnalyseText) -> None:
    picture = compose(
        analyse_text(
            "method A\ndata X: image\nview X[i: 1..2] ~ augment(X)\nencoder f: X[i] -> Z[i] = mlp(8)\n"
            "encoder h: X[i] -> S[i] = stopgrad(f)\nminimize H(Z[1] | S[2]) by mse()\n"
            "maximize H(Z[1]) by variance_covariance()\n"
        )
    )
    stopped = [arrow for arrow in picture.arrows if arrow.is_stopped]
    assert [plain_text(arrow.label) for arrow in stopped] == ["h //", "h //"]
    assert {arrow.colour for arrow in stopped} == {WEIGHTS[0]}


def test_a_large_family_shows_its_first_two_and_its_last(analyse_spec: AnalyseText) -> None:
    analysis = analyse_spec("views")
    picture = compose(analysis)
    assert [c.name for c in picture.circles if c.fill is Fill.VIEW] == ["X[1]", "X[2]", "X[8]"]
    assert [c.name for c in picture.circles if c.gap_before] == ["X[8]", "R[8]", "Z[8]"]
    assert [(a.first, a.second) for a in picture.arcs] == [("Z[1]", "Z[2]"), ("Z[1]", "Z[8]"), ("Z[2]", "Z[8]")]
    assert len(draw(picture).dots) == 3


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (2, 2), (4, 4), (5, 3), (10, 3)])
def test_from_one_view_to_ten(count: int, shown: int, analyse_text: AnalyseText) -> None:
    text = (
        f"method A\ndata X: image\nview X[i: 1..{count}] ~ augment(X)\nencoder f: X[i] -> Z[i] = mlp(8)\n"
        "maximize mean(i) H(Z[i]) by variance_covariance()\n"
    )
    drawing = draw(compose(analyse_text(text)))
    assert sum(circle.fill is Fill.VIEW for circle, _ in drawing.circles) == shown


def test_decoders_do_not_undo_elision(analyse_text: AnalyseText) -> None:
    text = (
        "method A\ndata X: image, Y: label\nview X[i: 1..9] ~ augment(X)\nencoder f: X[i] -> Z[i] = mlp(8)\n"
        "decoder c: Z[i] ~> Y = categorical()\nminimize mean(i) H(Y | Z[i]) by c\n"
    )
    drawing = draw(compose(analyse_text(text)))
    assert [circle.name for circle, _ in drawing.circles if circle.name[0] == "Z"] == ["Z[1]", "Z[2]", "Z[9]"]


def test_a_variable_made_from_hidden_members_does_not_hang_in_the_air(analyse_text: AnalyseText) -> None:
    text = (
        "method A\ndata X: image\nview X[i: 1..9] ~ augment(X)\nencoder f: X[i] -> Z[i] = mlp(8)\n"
        "encoder j: (Z[4], Z[5]) -> W = mlp(8)\nmaximize H(W) by variance_covariance()\n"
    )
    drawing = draw(compose(analyse_text(text)))
    assert drawing.picture.circle("W").parents == ("Z[4]",)


def test_members_that_a_term_names_are_shown(analyse_text: AnalyseText) -> None:
    text = (
        "method A\ndata X: image\nview X[i: 1..9] ~ augment(X)\nencoder f: X[i] -> Z[i] = mlp(8)\n"
        "maximize I(Z[3]; Z[7]) by infonce()\n"
    )
    names = {circle.name for circle in compose(analyse_text(text)).circles}
    assert {"Z[3]", "Z[7]"} <= names
    assert "Z[4]" not in names


@pytest.mark.parametrize("spec", EVERY_SPEC)
def test_nothing_overlaps(spec: str, analyse_spec: AnalyseText) -> None:
    drawing = draw(compose(analyse_spec(spec)))
    _assert_circles_are_apart(drawing)
    _assert_lines_pass_circles_by(drawing)
    _assert_plates_hold_their_members_alone(drawing)


def _assert_circles_are_apart(drawing: Drawing) -> None:
    for number, (_, first) in enumerate(drawing.circles):
        assert not any(first.box.overlaps(second.box) for _, second in drawing.circles[number + 1 :])


def _assert_lines_pass_circles_by(drawing: Drawing) -> None:
    lines = [(p.arrow.source, p.arrow.target, p.curve) for p in drawing.arrows]
    lines += [(p.arc.first, p.arc.second, p.curve) for p in drawing.arcs]
    for source, target, curve in lines:
        for circle, oval in drawing.circles:
            if circle.name not in {source, target}:
                assert not any(oval.covers(point, 1.0) for point in curve.samples(40)), (source, target, circle.name)
    labels = [p.label for p in drawing.arrows if p.label is not None]
    assert not any(oval.covers(label, 2.0) for label in labels for _, oval in drawing.circles)


def _assert_plates_hold_their_members_alone(drawing: Drawing) -> None:
    for placed in drawing.plates:
        for circle, oval in drawing.circles:
            assert placed.box.overlaps(oval.box) == (circle.plate == placed.plate.key), circle.name


def test_renaming_changes_only_names(analyse_spec: AnalyseText, analyse_text: AnalyseText) -> None:
    source = analyse_spec("byol").source.text
    renaming = {"X": "W", "R": "C", "Z": "B", "S": "D", "T": "A", "f": "w", "g": "v", "q": "a"}
    renamed = re.sub(r"(?<!\w)(X|R|Z|S|T|f|g|q)(?=[\[\]\s:;,)~])", lambda m: renaming[m[1]], source)
    assert renamed != source
    before, after = compose(analyse_spec("byol")), compose(analyse_text(renamed))

    def rename(name: str) -> str:
        return renaming[name[0]] + name[1:]

    assert [rename(c.name) for c in before.circles] == [c.name for c in after.circles]
    assert [(rename(a.source), rename(a.target), a.colour, a.terms) for a in before.arrows] == [
        (a.source, a.target, a.colour, a.terms) for a in after.arrows
    ]
