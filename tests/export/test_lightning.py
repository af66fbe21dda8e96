"""The adapter, driven by Lightning where it is installed, and by a stand-in for its trainer everywhere."""

import importlib
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mvib
from mvib.lightning import Adapter, LightningMissingError, lightning_module
from mvib.train import SettingError, train_method
from tests.train.small import BOTTLENECK, CONTRASTIVE, MOMENTUM, analysis_of, arrays


class StandIn(nn.Module):
    """What the adapter uses of `LightningModule`."""

    trainer: Any
    current_epoch = 0

    def __init__(self) -> None:
        super().__init__()
        self.logged: list[dict[str, Tensor]] = []
        self.optimizer: Any = None

    def log_dict(self, values: Mapping[str, Tensor], *, batch_size: int, on_epoch: bool) -> None:
        self.logged.append(dict(values))

    def optimizers(self) -> Any:
        return self.optimizer

    def clip_gradients(self, optimizer: Any, gradient_clip_val: float | None, gradient_clip_algorithm: str) -> None:
        if gradient_clip_val is not None:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            torch.nn.utils.clip_grad_norm_(weights, gradient_clip_val)


def fit(module: Any, *, epochs: int) -> None:
    """The hooks in the order in which `Trainer.fit` calls them."""
    batches = module._course.batches
    module.trainer = SimpleNamespace(estimated_stepping_batches=epochs * batches, global_step=0, world_size=1)
    module.optimizer = module.configure_optimizers()
    module.on_fit_start()
    for epoch in range(epochs):
        module.current_epoch = epoch
        module.train()
        for number, batch in enumerate(module.train_dataloader()):
            module.on_train_batch_start(batch, number)
            module.optimizer.zero_grad()
            module.training_step(batch, number).backward()
            module.configure_gradient_clipping(module.optimizer, None, None)
            module.optimizer.step()
            module.trainer.global_step += 1
            module.on_train_batch_end(None, batch, number)
        module.eval()
        with torch.no_grad():
            for number, batch in enumerate(module.val_dataloader()):
                module.validation_step(batch, number)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    package, pytorch = ModuleType("lightning"), ModuleType("lightning.pytorch")
    pytorch.LightningModule = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lightning", package)
    monkeypatch.setitem(sys.modules, "lightning.pytorch", pytorch)


def assert_same(module: Adapter, text: str) -> None:
    expected = train_method(analysis_of(text), data=arrays()).model.state_dict()
    found = module.model.state_dict()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6, msg=lambda text: f"{name}: {text}")  # noqa: B023


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(("text", "epochs"), [(CONTRASTIVE, 4), (MOMENTUM, 3), (BOTTLENECK, 2)])
def test_the_hooks_train_as_mvib_does(text: str, epochs: int) -> None:
    module = lightning_module(analysis_of(text), data=arrays())
    fit(module, epochs=epochs)
    assert_same(module, text)
    logged: Any = module
    assert "loss" in logged.logged[0]
    assert any("held_out/loss" in values for values in logged.logged)


@pytest.mark.usefixtures("stand_in")
def test_the_front_door_makes_one_that_encodes() -> None:
    module = mvib.lightning(mvib.loads(CONTRASTIVE), data=arrays())
    x = arrays()["image"][:3]
    assert module(x).shape == module.model.encode(x).shape
    assert callable(mvib.lightning)


@pytest.mark.usefixtures("stand_in")
def test_several_processes_need_a_loader_of_their_own() -> None:
    module: Any = lightning_module(analysis_of(CONTRASTIVE), data=arrays())
    module.trainer = SimpleNamespace(world_size=2)
    with pytest.raises(SettingError, match=r"for one process, and the trainer has 2.*distributed sampler"):
        module.train_dataloader()


def test_without_lightning_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(LightningMissingError, match=r"pip install 'lightning>=2\.2'"):
        mvib.lightning("simclr")


def test_a_trainer_of_lightning_fits_it(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            trainer_class = importlib.import_module("lightning.pytorch").Trainer
        except ImportError:
            pytest.skip("needs lightning")
        module = lightning_module(analysis_of(CONTRASTIVE), data=arrays())
        trainer = trainer_class(
            max_epochs=4,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
            num_sanity_val_steps=0,
        )
        trainer.fit(module)
    assert_same(module, CONTRASTIVE)
