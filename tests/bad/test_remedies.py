"""What a message tells to write works: pasted where it says, the mistake is gone and no other has come."""

import re
from pathlib import Path

import pytest

from mvib.diagnostics import has_errors, render_text
from mvib.driver import analyse, read_source
from mvib.source import SourceFile

HERE = Path(__file__).parent

# A wrong spec, what a person selects in it, and what is written over it with a text that the remedy offers.
PASTES = [
    ("ambiguous-path/aggregated", "H(T[j] | Z[i])", "H[q](T[j] | Z[i])"),
    ("ambiguous-path/aggregated", "H(T[j] | Z[i])", "H[ft](T[j] | Z[i])"),
    ("ambiguous-path/predictor", "I(Z[1]; T[2])", "I[q](Z[1]; T[2])"),
    ("ambiguous-path/predictor", "I(Z[1]; T[2])", "I[ft](Z[1]; T[2])"),
    ("ambiguous-path/two-decoders", "H(X | Z)", "H[p](X | Z)"),
    ("ambiguous-path/two-decoders", "H(X | Z)", "H[q](X | Z)"),
    ("ambiguous-path/two-decoders", "H(X | Z)", "H[e](X | Z)"),
    ("ambiguous-subset/two-partial", "on unlabelled", "on unlabelled(Y)"),
    ("bad-quantity/comma", "I(Z[1], Z[2])", "I(Z[1]; Z[2])"),
    ("bad-quantity/entropy-of-two", "H(Z[1]; Z[2])", "H(Z[1], Z[2])"),
    ("bad-quantity/equal-indices", "mean(i, j)", "mean(i != j)"),
    ("bad-relation/strict", "I(Z[1]; Z[2]) < I(X[1]; X[2])", "I(Z[1]; Z[2]) <= I(X[1]; X[2])"),
    ("bad-relation/variable-as-symbol", "<= X", "<= H(X)"),
    ("bad-schedule/exponential-through-zero", "exponential(0 -> 1e-2)", "linear(0 -> 1e-2)"),
    ("bad-schedule/two-numbers", "cosine(0, 1)", "cosine(0 -> 1)"),
    ("broken-path/ends-elsewhere", "I[f](X[1]; T[2])", "I[f, q](X[1]; T[2])"),
    ("broken-path/not-the-decoder", "H[f](T[2] | Z[1])", "H[q](T[2] | Z[1])"),
    ("broken-path/wrong-order", "H[q, f](T[2] | X[1])", "H[f, q](T[2] | X[1])"),
    ("cyclic-definition/parameters", "param   a = b + 1", "param a = 1"),
    (
        "defined-twice/module",
        "encoder f: A -> Z[1] = mlp(128)\nencoder f: B -> Z[2] = mlp(128)",
        "encoder f: A -> Z[1], B -> Z[2] = mlp(128)",
    ),
    (
        "dropped-entropy/learned-target",
        "maximize 0.5 * I(Z[2]; Z[1]) by q",
        # On its own it collapses: the page says to keep an entropy up.
        "minimize 0.5 * H(Z[2] | Z[1]) by q\nmaximize H(Z[2]) by variance_covariance()",
    ),
    (
        "dropped-entropy/learned-target",
        "maximize 0.5 * I(Z[2]; Z[1]) by q",
        "maximize 0.5 * I(sg(Z[2]); Z[1]) by q",
    ),
    ("empty-range/reversed", "2..1", "1..2"),
    ("empty-subset/unlabelled", "on unlabelled", "on labelled"),
    ("index-out-of-range/aggregation", "i in 1..3", "i in 1..2"),
    ("index-out-of-range/declaration", "i: 1..3", "i: 1..2"),
    ("index-out-of-range/decoder-member", "q[3]", "q[2]"),
    ("index-out-of-range/member", "Z[3]", "Z[2]"),
    (
        "infinite-information/deterministic-encoder",
        "encoder f: X[i] -> Z[i] = backbone()",
        "encoder f: X[i] ~> Z[i] = gaussian(mlp(1024), dim: 64)",
    ),
    ("infinite-information/behind-the-code", "I(X; C)", "I(X; Z)"),
    (
        "infinite-information/exact-estimate",
        "encoder f: X -> Z = backbone()",
        "encoder f: X ~> Z = gaussian(mlp(1024), dim: 64)",
    ),
    (
        "infinite-information/fitted-scale",
        "encoder g: R -> Z = mlp(64)",
        "encoder g: R ~> Z = gaussian(mlp(1024), dim: 64)",
    ),
    ("infinite-information/reference", "rate(f: X[2])", "rate(normal)"),
    ("infinite-information/unrelated", "I(Z[1]; C[2])", "I(X[2]; C[2])"),
    ("method-not-first/missing", "data    X", "method MyMethod\ndata    X"),
    ("missing-aggregation/one-index", "H(Z[i])", "mean(i) H(Z[i])"),
    ("missing-aggregation/one-left-out", "sum(i)", "sum(i, j != i)"),
    ("missing-aggregation/two-indices", "I(Z[i]; Z[j])", "mean(i < j) I(Z[i]; Z[j])"),
    ("missing-argument/assumption", "sufficient(Z)", "sufficient(Z, Y)"),
    ("missing-argument/critic", "jsd()", "jsd(critic: joint(1024, 1024))"),
    ("missing-argument/widths", "mlp()", "mlp(128)"),
    ("missing-index/in-quantity", "I(Z;", "I(Z[1];"),
    ("range-outside-declaration/in-term", "Z[i: 1..2]", "Z[i]"),
    ("saturated-estimate/claimed-more", "batch: 128", "batch: 203"),
    ("saturated-estimate/short-queue", "negatives: queue(6)", "negatives: queue(9)"),
    ("saturated-estimate/small-batch", "batch: 4", "batch: 10"),
    ("subset-without-partial/complete-variable", "on labelled(X)", "on labelled(Y)"),
    ("syntax/decoder-bar", "decoder q: X | Z = gaussian(mlp(64))", "decoder q: Z ~> X = gaussian(mlp(64))"),
    (
        "syntax/missing-by",
        "maximize I(Z[1]; Z[2]) infonce(temperature: 0.5)",
        "maximize I(Z[1]; Z[2]) by infonce(temperature: 0.5)",
    ),
    ("too-many-arguments/estimator", "0.5, all", "0.5, negatives: all"),
    ("unbound-index/aggregation-arithmetic", "mean(t, k)", "mean(t, k in 1..2)"),
    ("unbound-index/declaration", "X[i] ~", "X[i: 1..2] ~"),
    ("unbound-index/module-name", "f[i]", "f[i: 1..2]"),
    ("uncompressed-without-assumption/plain-rate", "represent Z", "assume multiview(X[1], X[2], Y)\nrepresent Z"),
    ("undefined-parameter/misspelt", ": temprature", ": temperature"),
    ("undefined-parameter/weight", "data    X", "param beta = 1\ndata    X"),
    (
        "undefined-variable/decoder-target",
        "encoder e",
        "encoder f: X -> Reconstruction = mlp(256)\nmaximize H(Reconstruction) by variance_covariance()\nencoder e",
    ),
    ("undefined-variable/family", "encoder f", "view Views[i: 1..2] ~ augment(X)\nencoder f"),
    ("undefined-variable/no-data-statement", "encoder f", "data Label: label\nencoder f"),
    ("unknown-argument/misspelt", "temprature", "temperature"),
    ("unknown-argument/none-taken", "mse(weight: 2)", "mse()"),
    ("unknown-assumption/misspelt", "gausian", "gaussian"),
    ("unknown-channel/misspelt", "augmnt", "augment"),
    ("unknown-critic/not-a-critic", "mlp(512, 1)", "joint(512)"),
    ("unknown-distribution/misspelt", "gausian", "gaussian"),
    ("unknown-distribution/module", "mlp(512, 64)", "gaussian(mlp(512, 64), dim: 64)"),
    ("unknown-encoder/ema-of-nothing", "ema(ff", "ema(f"),
    ("unknown-encoder/rate", "enc:", "e:"),
    ("unknown-estimator/misspelt", "infoNCE", "infonce"),
    ("unknown-learning-rate-schedule/step", "step(0.1)", "constant"),
    ("unknown-module/misspelt", "mpl", "mlp"),
    ("unknown-optimizer/misspelt", "adamm", "adamw"),
    ("unknown-prior/rate", "(norm)", "(normal)"),
    ("unknown-schedule/misspelt", "cosin(", "cosine("),
    ("unknown-subset/misspelt", "on labeled", "on labelled"),
    ("unknown-type/misspelt", "imgae", "image"),
    ("unsupported-version/two", "mvib 2", "mvib 1"),
    ("wrong-argument/choice", "negatives: both", "negatives: all"),
    ("wrong-argument/critic-kind", "critic: 3", "critic: joint(1024, 1024)"),
    ("wrong-argument/decoder-with-arguments", "by q(temperature: 1)", "by q"),
    ("wrong-argument/half-a-neuron", "1.5", "128"),
    ("wrong-argument/interval", "(1, 0.2)", "(0.2, 1)"),
    ("wrong-argument/out-of-range", "temperature: 0", "temperature: 0.5"),
    ("wrong-argument/rate-encoder-alone", "rate(e)", "rate(e: X[j])"),
    ("wrong-argument/view-without-source", "augment()", "augment(X)"),
    ("wrong-bound-direction/half-assumed", "assume gaussian(Z[1])", "assume gaussian(Z[i])"),
    ("wrong-bound-direction/maximised-upper", "logdet(beta: 1)", "pairwise(bound: lower)"),
    ("wrong-bound-direction/maximised-upper", "logdet(beta: 1)", "kde"),
    (
        "wrong-bound-direction/maximised-upper",
        "maximize sum(i)",
        "assume gaussian(Z[i])\nmaximize sum(i)",
    ),
    (
        "wrong-bound-direction/minimised-lower",
        "decoder d: Z ~> D = categorical(linear(2))\nmaximize I(Z; Y) by c\nminimize 0.1 * I(Z; D) by d",
        "maximize I(Z; Y) by c\nminimize 0.1 * I(Z; D) by supcon",
    ),
    ("wrong-channel-end/augment-vector", "augment(X)", "noise(X)"),
    ("wrong-channel-end/categorical-image", "categorical(mlp(64))", "laplace(mlp(64))"),
    ("wrong-channel-end/decoder-arrow", "Z -> X", "Z ~> X"),
    ("wrong-channel-end/ema-arrow", "X[i] ~> T[i]", "X[i] -> T[i]"),
    ("wrong-channel-end/ema-of-decoder", "ema(q)", "ema(f)"),
    ("wrong-channel-end/ema-of-ema", "ema(s)", "ema(f)"),
    (
        "wrong-channel-end/encoder-into-data",
        "encoder g: Z[1] -> X = mlp(64)",
        "decoder g: Z[1] ~> X = gaussian(mlp(256))",
    ),
    (
        "wrong-channel-end/encoder-into-view",
        "encoder g: Z[i] -> X[i] = mlp(64)",
        "decoder g: Z[i] ~> X[i] = gaussian(mlp(256))",
    ),
    ("wrong-channel-end/family-into-one", "X[i] -> Z", "(X[1], X[2]) -> Z"),
    ("wrong-channel-end/gaussian-label", "gaussian(linear(10))", "categorical(linear(10))"),
    ("wrong-channel-end/mixed-arrows", "B ~> Z[2]", "B -> Z[2]"),
    ("wrong-channel-end/represent-data", "represent X", "represent Z"),
    ("wrong-decoder/other-way-round", "H(Z | X)", "H(X | Z)"),
    ("wrong-decoder/rate", "rate(q)", "rate(normal)"),
    ("wrong-decoder/several-members", "by q", "by q[1]"),
    ("wrong-quantity/entropy-by-infonce", "infonce", "variance_covariance"),
    ("wrong-quantity/rate-without-condition", "I(X[i]; Z[i])", "I(X[i]; Z[i] | X[j])"),
]  # fmt: skip


def offered(remedy: str) -> list[str]:
    """The texts of a remedy that can be pasted: what stands in backticks, or on lines of their own."""
    lines = [line.split("  #")[0].strip() for line in remedy.split("\n") if line.startswith(" ")]
    return [*lines, *re.findall(r"`([^`]+)`", remedy)]


@pytest.mark.parametrize(("name", "selected", "pasted"), PASTES, ids=[f"{name}: {new}" for name, _, new in PASTES])
def test_remedy_works(name: str, selected: str, pasted: str) -> None:
    source = read_source(HERE / f"{name}.mvib")
    told = [text for diagnostic in analyse(source).diagnostics for text in offered(diagnostic.remedy)]
    assert any(text in pasted for text in told), told
    assert source.text.count(selected) == 1, f"`{selected}` stands {source.text.count(selected)} times in the file"
    repaired = analyse(SourceFile(source.name, source.text.replace(selected, pasted)))
    assert not has_errors(repaired.diagnostics), render_text(repaired.diagnostics)
