"""Every bundled method as a file of its own: the same weights from a seed, the same loss, gradients and state."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mvib
from mvib.cli.main import main
from mvib.compile import CompiledModel
from mvib.resources import bundled_specs
from tests.compile.emitted import Pair, built, run_text, written

TOLERANCE = 1e-12
# Whitening wants more rows than dimensions.
ROWS = {"wmse": 136}
STEP = 1e-3


def small(name: str) -> mvib.Specification:
    """A bundled spec; where it has a backbone, a narrow one."""
    spec = mvib.load(name)
    if spec.method.settings.get("backbone") is None:
        return spec
    return mvib.load(name, settings={"train.backbone": "conv(8, 8, 16, 128)"})


def loss_and_gradients(module: nn.Module, batch: dict[str, Tensor], seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    torch.manual_seed(seed)
    out = module(batch)
    loss = out.loss if isinstance(module, CompiledModel) else out[0]
    terms = out.terms if isinstance(module, CompiledModel) else out[1]
    assert isinstance(loss, Tensor)
    module.zero_grad()
    torch.autograd.backward(loss)
    found = {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}
    return loss.detach(), found | {f"term {name}": value for name, value in terms.items()}


def assert_close(found: Tensor, expected: Tensor, what: str) -> None:
    assert found.dtype == expected.dtype, what
    error, size = (found.double() - expected.double()).norm(), expected.double().norm()
    assert float(error) <= TOLERANCE * max(1.0, float(size)), what


def assert_equal_run(pair: Pair, other: nn.Module, *, num_steps: int = 2) -> None:
    """Both compute the same through some steps of plain gradient descent, midway through their schedules."""
    both: tuple[Any, Any] = (pair.model, other)
    for step in range(num_steps):
        for module in both:
            module.set_progress(0.3)
        expected, gradients = loss_and_gradients(pair.model, pair.batch, seed=step)
        loss, found = loss_and_gradients(other, pair.batch, seed=step)
        assert_close(loss, expected, "loss")
        assert found.keys() == gradients.keys()
        for name, gradient in gradients.items():
            assert_close(found[name], gradient, name)
        for module in both:
            with torch.no_grad():
                for parameter in module.parameters():
                    if parameter.grad is not None:
                        parameter.sub_(STEP * parameter.grad)
            module.after_step()
    state = other.state_dict()
    for name, value in pair.model.state_dict().items():
        assert_close(state[name], value, name)


@pytest.mark.parametrize("name", bundled_specs())
def test_a_written_method_is_the_compiled_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = written(small(name), monkeypatch, rows=ROWS.get(name, 12))
    same = built(pair, seed=0).state_dict()
    assert all(torch.equal(same[key], value) for key, value in pair.model.state_dict().items())
    # The weights of a checkpoint load by their names, over others.
    other = built(pair, seed=1)
    other.load_state_dict(pair.model.state_dict())
    # A second step shows what the first one left behind, where it leaves anything but weights.
    remembers = any(word in pair.text for word in (".update(self.", "self.objective.memories[", ").after_step()"))
    assert_equal_run(pair, other, num_steps=2 if remembers or ".after_step()\n" in pair.text else 1)


def test_a_written_method_represents_what_the_compiled_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("vib", "review/multiview_ib", "mae"):
        pair = written(small(name), monkeypatch)
        other: Any = built(pair, seed=0)
        inputs = pair.model.plan.representation.inputs
        with torch.no_grad():
            found = other.encode(*(pair.batch[n] for n in inputs))
            expected = pair.model.encode({n: pair.batch[n] for n in inputs})
        assert_close(found, expected, name)
        assert other.training


def test_a_batch_in_which_nobody_has_a_label_says_nothing_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = mvib.loads(
        "method M\ndata X: vector, Y: label partial\nencoder f: X -> Z = mlp(16)\ndecoder q: Z ~> Y = categorical()\n"
        "maximize 0.5 * I(Z; Y) by q\nminimize H(X | Z) by r\ndecoder r: Z ~> X = gaussian(var: 1)\n"
    )
    pair = written(spec, monkeypatch)
    pair.batch["Y.present"][:] = False
    assert_equal_run(pair, built(pair, seed=0))


def test_critics_fits_memories_and_learned_numbers_are_written_too(monkeypatch: pytest.MonkeyPatch) -> None:
    head = "method M\ndata X: vector\nview X[i: 1..2] ~ noise(X, std: 0.1)\nencoder f: X[i] -> Z[i] = mlp(16, 8)\n"
    for estimator in (
        "infonce(temperature: learned(0.1), negatives: other_view)",
        "infonce(critic: separable(16, 8))",
        "dv(critic: joint(16), ema: 0.9, negatives: roll)",
    ):
        pair = written(mvib.loads(f"{head}maximize I(Z[1]; Z[2]) by {estimator}\nrepresent Z\n"), monkeypatch)
        assert_equal_run(pair, built(pair, seed=0))


def test_the_file_says_where_it_comes_from_and_keeps_the_names_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    text = written(small("simclr"), monkeypatch).text
    assert "arXiv:2002.05709" in text
    assert "# maximize I(Z[1]; Z[2]) by infonce(temperature: temperature, negatives: all)" in text
    assert "# lower bound in nats; saturates at" in text
    assert "Z_1 = self.networks.g(R_1)" in text
    assert "def __init__(self, *, temperature: float = 0.5, steps: int | None = None)" in text
    assert "# Code: github.com/google-research/simclr" in text
    assert str(Path(mvib.__file__).parent) not in text
    assert text == written(small("simclr"), monkeypatch).text


def test_comments_of_a_term_stand_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = mvib.loads(
        "method M\ndata X: vector\nencoder f: X -> Z = mlp(8)\ndecoder q: Z ~> X = gaussian(var: 1)\n"
        "param beta = linear(0 -> 1)\n# What the code is for.\nterm keep: maximize beta * I(Z; X) by q  # equation 3\n"
    )
    pair = written(spec, monkeypatch)
    lines = [line.strip() for line in pair.text.split("\n")]
    place = lines.index("# term keep: maximize beta * I(Z; X) by q")
    assert lines[place - 2 : place] == ["# What the code is for.", "# equation 3"]
    assert "def beta(self) -> float:" in lines
    assert "losses.append(-self.beta * keep)" in lines or any("-self.beta * " in line for line in lines)
    assert_equal_run(pair, built(pair, seed=0))


def test_the_command_writes_a_file_that_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.py"
    set_backbone = ["--set", "train.backbone=conv(8)", "--set", "keys=24"]
    assert main(["compile", "moco_v1", *set_backbone, "--emit", "python", "-o", str(path)]) == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    names = run_text(path.read_text(encoding="utf-8"), monkeypatch)
    model = names["MoCo"](steps=4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    torch.manual_seed(0)
    losses = []
    for _ in range(4):
        loss, terms = model({"X": torch.rand(8, 1, 8, 8)})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.after_step()
        losses.append(float(loss.detach()))
        assert terms.keys() == {"I_Q_K"}
    assert losses[0] == 0  # an empty queue has no negatives
    assert min(losses[1:]) > 0
    assert model.progress == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "model.py"], "add --emit python"),
        (["--emit", "python", "--format", "json"], "leave one of them out"),
        (["--emit", "python", "-o", "no/such/folder/model.py"], "there is no folder"),
    ],
)
def test_options_that_do_not_go_together(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compile", "simclr", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("ruff") is None, reason="ruff is not installed")
def test_written_files_are_clean_to_a_linter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("simclr", "vib", "moco_v1", "ijepa", "vat"):
        (tmp_path / f"{name}.py").write_text(written(small(name), monkeypatch).text, encoding="utf-8")
    command = ["ruff", "check", "--isolated", "--no-cache", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
