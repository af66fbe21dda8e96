"""Data of type `tokens`: whole numbers that stand for words, which an embedding makes a sequence of."""

import pytest
import torch

import mvib
from mvib.compile.example import Example, ExampleError, TokensShape
from mvib.compile.execution import UnfitDataError
from mvib.diagnostics import SpecError
from mvib.driver import analyse
from mvib.source import SourceFile
from tests.compile.emitted import built, written
from tests.compile.test_emit import assert_equal_run

TEXT = """
method M
data    T: tokens, Y: label
encoder w: T -> W = embedding(8, vocabulary: 10)
encoder f: W -> S = transformer(width: 8, depth: 1, heads: 2)
encoder p: S -> Z = pool()
decoder q: Z ~> Y = categorical(linear(10))
minimize H(Y | Z) by q
represent Z
"""
WITHOUT_STEPS = TEXT.replace("transformer(width: 8, depth: 1, heads: 2)", "mlp(8)").replace("pool()", "mlp(8)")
SHAPES: dict[str, Example] = {"T": (4, 6), "Y": 10}


def found(text: str) -> str:
    """The one mistake that the compiler finds."""
    with pytest.raises(SpecError) as caught:
        mvib.compile(mvib.loads(text), SHAPES)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.slug == "shape-mismatch"
    return f"{diagnostic.title}; {diagnostic.remedy}"


def test_an_embedding_makes_a_sequence_of_words() -> None:
    assert not analyse(SourceFile("spec.mvib", TEXT)).diagnostics
    torch.manual_seed(0)
    model = mvib.compile(mvib.loads(TEXT), SHAPES)
    assert model.shapes["W"] == (6, 8)
    batch = {"T": torch.randint(10, (4, 6)), "Y": torch.arange(4)}
    out = model(batch)
    table = model.networks["w"].weight
    assert isinstance(table, torch.Tensor)
    torch.testing.assert_close(out.variables["W"], table[batch["T"]])
    out.loss.backward()
    assert table.grad is not None
    assert bool(table.grad[batch["T"].flatten()].any(dim=1).all())
    assert model.encode(batch).shape == (4, 8)


@pytest.mark.parametrize("module", ["mlp(16, 8)", "linear(8)", "transformer()", "identity", "backbone()"])
def test_what_takes_numbers_takes_no_words(module: str) -> None:
    text = TEXT.replace("embedding(8, vocabulary: 10)", module).replace(
        "transformer(width: 8, depth: 1, heads: 2)", "mlp(8)"
    )
    name = module.partition("(")[0]
    assert found(text.replace("pool()", "mlp(8)")) == (
        f"`{name}` takes real numbers, and `T` gives it tokens, 6 whole numbers that stand for words; "
        "put an embedding in front: `encoder w: T -> W = embedding(64, vocabulary: 1000)`"
    )


def test_words_beside_another_variable_are_none() -> None:
    text = WITHOUT_STEPS.replace("w: T -> W = embedding(8, vocabulary: 10)", "w: (T, Y) -> W = mlp(8)")
    assert "`mlp` takes real numbers" in found(text)
    assert "`encoder w: T -> W = embedding" in found(text)


def test_an_encoder_with_a_density_takes_no_words() -> None:
    text = TEXT.replace(
        "encoder w: T -> W = embedding(8, vocabulary: 10)", "encoder w: T ~> W = gaussian(mlp(8), dim: 8)"
    )
    text = text.replace("transformer(width: 8, depth: 1, heads: 2)", "mlp(8)").replace("pool()", "mlp(8)")
    assert "`gaussian` takes real numbers" in found(text)


def test_an_embedding_takes_words_alone() -> None:
    text = TEXT.replace("T: tokens", "T: vector")
    assert found(text) == (
        "`embedding` takes tokens, which are whole numbers, and `T` gives it a vector of 6; "
        "leave it out, or declare the data `tokens`"
    )


def test_words_in_floats_are_told_of() -> None:
    with pytest.raises(ExampleError, match=r"`T` holds torch.float32, and tokens are whole numbers; use `.long\(\)`"):
        mvib.compile(mvib.loads(TEXT), {"T": torch.zeros(4, 6), "Y": 10})
    model = mvib.compile(mvib.loads(TEXT), SHAPES)
    with pytest.raises(UnfitDataError, match="tokens are whole numbers"):
        model({"T": torch.zeros(4, 6), "Y": torch.arange(4)})


def test_an_estimator_takes_no_words() -> None:
    text = TEXT + "maximize I(T; Z) by infonce()\n"
    (diagnostic,) = analyse(SourceFile("spec.mvib", text)).diagnostics
    assert diagnostic.title == (
        "`infonce` takes rows of real numbers, and `T` is of tokens, whole numbers that stand for words"
    )


def test_an_embedding_is_written_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = written(mvib.loads(TEXT), monkeypatch)
    assert_equal_run(pair, built(pair, seed=0))


def test_the_vocabulary_has_the_words_of_the_data() -> None:
    batch = torch.tensor([[0, 1, 2, 3, 4, 12]] * 4)
    examples: tuple[Example, ...] = (batch, TokensShape((4, 6), 13))
    for example in examples:
        with pytest.raises(SpecError) as caught:
            mvib.compile(mvib.loads(TEXT), {"T": example, "Y": 10})
        (diagnostic,) = caught.value.diagnostics
        assert diagnostic.title == "`embedding` takes words from 0 to 9, and `T` gives it the word 12"
        assert diagnostic.remedy == "write `vocabulary: 13`"


def test_tokens_that_some_examples_lack() -> None:
    text = """method P
data X: tokens partial, U: vector
encoder f: X -> W = embedding(8, vocabulary: 20)
encoder g: W -> Z = mlp(4)
encoder h: U -> A = mlp(4)
maximize I(Z; A) by infonce()
"""
    model = mvib.compile(mvib.loads(text), {"X": (8, 7), "U": (8, 5)})
    words, u = torch.randint(0, 20, (8, 7)), torch.randn(8, 5)
    words[2] = -1
    found = model({"X": words, "U": u})
    assert torch.equal(found.loss, model({"X": words, "U": u, "X.present": (words >= 0).all(dim=1)}).loss)
    assert found.counts == {"I_Z_A": 7}


@pytest.mark.parametrize(
    ("data", "network", "shape"),
    [("sequence", "gru(6)", (8, 5, 3)), ("tokens", "embedding(8, vocabulary: 20)", (8, 7))],
)
def test_a_density_behind_a_network_of_its_own_kind(data: str, network: str, shape: tuple[int, ...]) -> None:
    text = f"""method S
data X: {data}
encoder f: X ~> Z = gaussian({network}, dim: 4)
maximize H(Z) by variance_covariance()
"""
    model = mvib.compile(mvib.loads(text), {"X": shape})
    x = torch.randint(0, 20, shape) if data == "tokens" else torch.randn(shape)
    assert model(x).variables["Z"].shape == (8, 4)
