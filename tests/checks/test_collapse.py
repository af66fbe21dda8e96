"""A constant representation is found where it is an optimum, and what speaks against it is named."""

import re

import pytest

from mvib.driver import analyse, read_source
from mvib.resources import bundled_specs
from mvib.source import SourceFile
from mvib.theory.collapse import CollapseArgument, MechanismKind, Strength, Verdict, find_collapse
from tests.semantics.spec_text import TWO_VIEWS, analysed

PREDICT = "minimize mean(i != j) H(Z[j] | Z[i]) by mse()\n"


def changed(name: str, *changes: tuple[str, str]) -> str:
    """The text of a bundled spec, its claims left out, with something else in the place of some of it."""
    text = re.sub(r"^claim .*\n(?: +.*\n)*", "", read_source(name).text, flags=re.MULTILINE)
    for old, new in changes:
        assert text.count(old) == 1, f"`{old}` stands {text.count(old)} times in `{name}`"
        text = text.replace(old, new)
    return text


def findings(text: str, overrides: dict[str, str] | None = None) -> list[str]:
    """Severities of what is said of a collapse; nothing else is wrong with the spec."""
    analysis = analysed(text, overrides)
    others = [d for d in analysis.diagnostics if d.slug != "collapsed-optimum" and d.is_error]
    assert not others
    return [d.severity.value for d in analysis.diagnostics if d.slug == "collapsed-optimum"]


def argument(text: str) -> CollapseArgument:
    analysis = analyse(SourceFile("spec.mvib", text))
    assert analysis.method is not None
    assert analysis.graph is not None
    return find_collapse(analysis.method, analysis.graph, analysis.readings)


def kinds(text: str) -> dict[MechanismKind, Strength]:
    return {mechanism.kind: mechanism.strength for mechanism in argument(text).mechanisms}


# ---- sound methods made unsound --------------------------------------------------------------------------------------

NOTHING_LEFT = {
    "simsiam without its stop-gradient": changed("simsiam", ("sg(Z[j])", "Z[j]")),
    "byol with a trained target": changed(
        "byol", ("ema(f, momentum: m)", "backbone()"), ("ema(g, momentum: m)", "mlp(1024, 256)")
    ),
    "vicreg without its entropy": 'method M extends "vicreg"\ndrop term entropy\n',
    "vicreg without its variance": 'method M extends "vicreg"\nparam variance = 0\n',
    "vicreg with an entropy of weight zero": changed("vicreg", ("maximize sum(i)", "maximize 0 * sum(i)")),
    "vicreg with an entropy of what is not trained": changed(
        "vicreg",
        ("sum(i) H(Z[i])", "sum(i) H(P[i])"),
        ("represent R", "encoder p: X[i] -> P[i] = flatten()\nrepresent R"),
    ),
    "vicreg with an entropy that is stopped": changed("vicreg", ("sum(i) H(Z[i])", "sum(i) H(sg(Z[i]))")),
    "corinfomax without its entropy": 'method M extends "corinfomax"\ndrop term entropy\n',
    "emp_ssl without its entropy": 'method M extends "emp_ssl"\ndrop term entropy\n',
    "lejepa without its prior": 'method M extends "lejepa"\ndrop term normal\n',
    "lejepa with a prior that is trained": 'method M extends "lejepa"\ndrop term normal\n'
    "term prior: minimize lambda * mean(i) D(Z[i] || mixture(10)) by mmd()\n",
    "mcr2 without its expansion": 'method M extends "mcr2"\ndrop term expand\n',
    "alignment without uniformity": 'method M extends "alignment_uniformity"\ndrop term uniform\n',
    "simclr without negatives": changed(
        "simclr", ("maximize I(Z[1]; Z[2]) by infonce(temperature: temperature, negatives: all)", PREDICT)
    ),
    "ijepa with its own weights for the target": changed(
        "ijepa", ("encoder f: V -> Z =", "encoder f: V -> Z, P -> S ="), ("encoder s: P -> S = ema(f, momentum: m)", "")
    ),
    "swav without balance and stop-gradient": changed(
        "swav",
        ("sinkhorn(temperature: epsilon)", "softmax(temperature: epsilon)"),
        ("i != j) H(sg(Q[i])", "i != j) H(Q[i]"),
        ("i, k) H(sg(Q[i])", "i, k) H(Q[i]"),
    ),
    "w-mse without whitening": changed("wmse", ("whitened_mse(eps: 0, size: 128)", "mse()")),
    "vibcreg with whitening alone, whose learned scale may be zero": 'method M extends "vibcreg"\ndrop term entropy\n',
    "labels that teach a probe only": TWO_VIEWS.replace("X: image", "X: image, Y: label")
    + PREDICT
    + "decoder c: Z[i] ~> Y = categorical(linear(10))\nminimize mean(i) H(Y | sg(Z[i])) by c\n",
    "a predictor of a trained target": TWO_VIEWS
    + "decoder q: Z[i] ~> Z[j] = gaussian(mlp(8), var: 1)\nminimize sum(i != j) H(Z[j] | Z[i]) by q\n",
}

NOT_ENOUGH = {
    "byol without its predictor": changed(
        "byol",
        ("decoder q:  Z[i] ~> T[j] = vmf(mlp(1024, 256), kappa: 2)", ""),
        ("| Z[i]) by q", "| Z[i]) by cosine()"),
    ),
    "simsiam without its predictor": changed(
        "simsiam", ("encoder h: Z[i] -> P[i] = mlp(128, 512)", ""), ("| P[i])", "| Z[i])")
    ),
    "simsiam with a predictor that learns nothing": changed("simsiam", ("P[i] = mlp(128, 512)", "P[i] = unit()")),
    "byol with a decoder that learns nothing": changed("byol", ("vmf(mlp(1024, 256), kappa: 2)", "vmf(kappa: 2)")),
    "swav without its balanced assignment": changed(
        "swav", ("sinkhorn(temperature: epsilon)", "softmax(temperature: epsilon)")
    ),
    "dino without its centre": changed("dino", ("center(momentum: 0.9)", "identity()")),
    "dino without sharpening": changed("dino", ("softmax(temperature: sharpness)", "softmax(temperature: 0.1)")),
    "moco without negatives": changed(
        "moco_v1",
        (
            "maximize I(Q; K) by infonce(temperature: temperature, negatives: queue(keys))",
            "minimize H(K | Q) by cosine()",
        ),
    ),
    "tico without its entropy": 'method M extends "tico"\ndrop term entropy\n',
    "a balanced assignment that is predicted by a distance": changed(
        "swav",
        ("S[j])\n    by cross_entropy(temperature: temperature)", "S[j])\n    by mse()"),
        ("S'[k])\n    by cross_entropy(temperature: temperature)", "S'[k])\n    by mse()"),
    ),
    "even predictions that need not be sure": TWO_VIEWS + "encoder m: Z[1..2] -> M = mean()\n"
    "minimize H(sg(Z[1]) | Z[2]) by relative_entropy()\nmaximize H(M) by prediction_entropy()\n",
    "an entropy of the backbone only": TWO_VIEWS + "encoder g: Z[i] -> P[i] = mlp(8)\nrepresent Z\n"
    "maximize mean(i) H(Z[i]) by uniformity()\nminimize H(P[1] | P[2]) by mse()\n",
    "compression and prediction of a stochastic code": read_source("review/equation_6").text.replace("# allow", "#"),
}

IN_PRACTICE = {
    "byol": changed("byol"),
    "byol with a stopped copy": changed(
        "byol", ("ema(f, momentum: m)", "stopgrad(f)"), ("ema(g, momentum: m)", "stopgrad(g)")
    ),
    "simsiam": changed("simsiam"),
    "simsiam of two modalities": """method M
        data A: image, B: image
        encoder f: A -> Z[1] = backbone()
        encoder g: B -> Z[2] = backbone()
        encoder h: Z[1] -> P[1] = mlp(64, 128)
        encoder k: Z[2] -> P[2] = mlp(64, 128)
        minimize mean(i != j) H(sg(Z[j]) | P[i]) by cosine()
        represent Z[1], Z[2]
        """,
    "dino": changed("dino"),
    "ijepa": changed("ijepa"),
    "ijepa with a stopped gradient": changed("ijepa", ("ema(f, momentum: m)", "stopgrad(f)")),
}

HELD = {
    "an entropy of what is computed from the code": TWO_VIEWS
    + PREDICT
    + "encoder u: Z[i] -> U[i] = unit()\nmaximize mean(i) H(U[i]) by uniformity()\n",
    "an entropy of one of two codes that predict each other": """method M
        data A: image, B: image
        encoder f: A -> Z[1] = backbone()
        encoder g: B -> Z[2] = backbone()
        minimize H(Z[1] | Z[2]) by mse()
        maximize H(Z[1]) by variance_covariance()
        """,
    "whitening that has no scale": TWO_VIEWS
    + "encoder w: Z[i] -> W[i] = whiten(affine: false)\nminimize H(W[1] | W[2]) by mse()\n",
    "labels of some of the examples": TWO_VIEWS.replace("X: image", "X: image, Y: label partial")
    + PREDICT
    + "decoder c: Z[i] ~> Y = categorical(linear(10))\nminimize 1e-3 * mean(i) H(Y | Z[i]) by c on labelled\n",
    "reconstruction of data": TWO_VIEWS
    + PREDICT
    + "decoder d: Z[i] ~> X[i] = bernoulli(mlp(64))\nminimize mean(i) H(X[i] | Z[i]) by d\n",
    "a target that nothing trains": TWO_VIEWS + "encoder r: X[i] -> T[i] = frozen(mlp(128))\n"
    "encoder g: Z[i] -> P[i] = mlp(128)\nminimize mean(i != j) H(T[j] | P[i]) by cosine()\n",
    "a stopped target whose encoder no other term trains": TWO_VIEWS
    + "encoder r: X[1] -> T = mlp(128)\nencoder g: Z[i] -> P[i] = mlp(128)\nminimize H(sg(T) | P[2]) by cosine()\n",
    "even predictions that must be sure": TWO_VIEWS
    + "encoder m: Z[1..2] -> M = mean()\nencoder s: Z[i] -> S[i] = softmax()\n"
    "minimize H(sg(S[1]) | Z[2]) by cross_entropy()\nmaximize H(M) by prediction_entropy()\n",
    "a weight that grows from zero": TWO_VIEWS
    + PREDICT
    + "maximize linear(0 -> 1) * mean(i) H(Z[i]) by variance_covariance()\n",
    "msn without its entropy": 'method M extends "msn"\ndrop term use\n',
    # Nothing but the code of least information is asked for: it is what the objective says, and no predicted variable.
    "compression alone, which was asked for": "method M\ndata X: image\nencoder e: X ~> Z = gaussian(mlp(8), dim: 8)\n"
    "minimize I(X; Z) by rate(normal)\n",
}


@pytest.mark.parametrize("name", NOTHING_LEFT)
def test_error_where_nothing_speaks_against(name: str) -> None:
    assert findings(NOTHING_LEFT[name]) == ["error"]
    assert argument(NOTHING_LEFT[name]).verdict is Verdict.COLLAPSES


@pytest.mark.parametrize("name", NOT_ENOUGH)
def test_warning_where_it_is_not_enough(name: str) -> None:
    assert findings(NOT_ENOUGH[name]) == ["warning"]


@pytest.mark.parametrize("name", IN_PRACTICE)
def test_note_where_practice_holds(name: str) -> None:
    assert findings(IN_PRACTICE[name]) == ["note"]
    assert argument(IN_PRACTICE[name]).verdict is Verdict.HELD_BY_ASYMMETRY


@pytest.mark.parametrize("name", HELD)
def test_silence_where_it_is_held(name: str) -> None:
    assert findings(HELD[name]) == []
    assert argument(HELD[name]).verdict is Verdict.HELD


# ---- what is named ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "strength"),
    [
        ("simclr", MechanismKind.INFORMATION, Strength.GUARANTEED),
        ("barlow_twins", MechanismKind.INFORMATION, Strength.GUARANTEED),
        ("vicreg", MechanismKind.ENTROPY, Strength.GUARANTEED),
        ("swav", MechanismKind.BALANCE, Strength.GUARANTEED),
        ("msn", MechanismKind.EVENNESS, Strength.GUARANTEED),
        ("wmse", MechanismKind.WHITENING, Strength.GUARANTEED),
        ("lejepa", MechanismKind.PRIOR, Strength.GUARANTEED),
        ("mae", MechanismKind.RECONSTRUCTION, Strength.GUARANTEED),
        ("fixmatch", MechanismKind.LABELS, Strength.GUARANTEED),
        ("dino", MechanismKind.CENTRING_AND_SHARPENING, Strength.PRACTICE),
        ("byol", MechanismKind.MOMENTUM_AND_PREDICTOR, Strength.PRACTICE),
        ("simsiam", MechanismKind.STOPPED_AND_PREDICTOR, Strength.PRACTICE),
    ],
)
def test_mechanism_of_a_bundled_method(name: str, kind: MechanismKind, strength: Strength) -> None:
    assert kinds(read_source(name).text)[kind] is strength


def test_where_a_mechanism_is() -> None:
    where = {m.kind: m.where for m in argument(read_source("dino").text).mechanisms}
    assert where[MechanismKind.CENTRING_AND_SHARPENING] == ("c", "q")
    where = {m.kind: m.where for m in argument(read_source("byol").text).mechanisms}
    assert where[MechanismKind.MOMENTUM_AND_PREDICTOR] == ("q",)


def test_terms_that_the_constant_optimises() -> None:
    (collapse,) = argument(read_source("c_byol").text).collapses
    assert set(collapse.terms) == {"predict", "residual"}
    assert collapse.modules == ("e", "g", "q")
    (collapse,) = argument(read_source("vicreg").text).collapses
    assert collapse.terms == ("predict",)
    assert [mechanism.term for mechanism in collapse.mechanisms] == ["entropy"]


def test_representation_that_other_terms_hold() -> None:
    (collapse,) = argument(NOT_ENOUGH["an entropy of the backbone only"]).collapses
    assert collapse.verdict is Verdict.COLLAPSES
    assert not collapse.represented


def test_two_constants_of_two_heads() -> None:
    text = TWO_VIEWS + "encoder g: Z[i] -> P[i] = mlp(8)\nencoder h: Z[i] -> S[i] = mlp(8)\n"
    text += "minimize H(P[1] | P[2]) by mse()\nminimize H(S[1] | S[2]) by mse()\n"
    assert [collapse.modules for collapse in argument(text).collapses] == [("g",), ("h",)]
    assert [c.verdict for c in argument(text + "maximize H(P[1]) by uniformity()\n").collapses] == [
        Verdict.HELD,
        Verdict.COLLAPSES,
    ]


def test_no_bundled_method_collapses_but_one_equation() -> None:
    collapsed = []
    for name in bundled_specs():
        analysis = analyse(read_source(name))
        assert analysis.method is not None
        assert analysis.graph is not None
        verdict = find_collapse(analysis.method, analysis.graph, analysis.readings).verdict
        collapsed += [name] if verdict not in {Verdict.HELD, Verdict.HELD_BY_ASYMMETRY} else []
    assert collapsed == ["review/equation_6"]


# ---- what is said ----------------------------------------------------------------------------------------------------


def test_order_and_names_change_nothing() -> None:
    text = NOTHING_LEFT["simsiam without its stop-gradient"]
    renamed = re.sub(r"\bZ\b", "Code", text)
    one, other = argument(text), argument(renamed)
    assert [c.modules for c in one.collapses] == [c.modules for c in other.collapses]
    assert [str(m).replace("Code", "Z") for c in other.collapses for m in c.constant] == [
        str(m) for c in one.collapses for m in c.constant
    ]


def test_remedies_remedy() -> None:
    for text, old, new in [
        (NOTHING_LEFT["simsiam without its stop-gradient"], "H(Z[j] |", "H(sg(Z[j]) |"),
        (NOT_ENOUGH["dino without its centre"], "identity()", "center()"),
        (NOT_ENOUGH["dino without sharpening"], "softmax(temperature: 0.1)", "softmax(temperature: 0.04)"),
        (NOT_ENOUGH["swav without its balanced assignment"], "softmax(temperature: epsilon)", "sinkhorn()"),
    ]:
        assert findings(text.replace(old, new)) in (["note"], [])
    for text in (NOTHING_LEFT["simsiam without its stop-gradient"], NOT_ENOUGH["byol without its predictor"]):
        (said,) = (d for d in analysed(text).diagnostics if d.slug == "collapsed-optimum")
        entropy = re.findall(r"`(maximize [^`]+)`", said.remedy)[0]
        assert findings(text.replace("represent R", f"{entropy}\nrepresent R")) == []


def test_a_spec_that_drops_an_inherited_term_is_marked_itself() -> None:
    (said,) = analysed('method M extends "vicreg"\ndrop term entropy\n').diagnostics
    assert said.span.source.name == "spec.mvib"
    assert said.span.text == "M"


def test_an_ablation_may_be_allowed() -> None:
    reason = "# allow: collapsed-optimum because it is the ablation\n"
    assert findings(TWO_VIEWS + reason + PREDICT) == []
    assert findings(reason + 'method M extends "vicreg"\ndrop term entropy\n') == []
