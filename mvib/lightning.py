"""A method as a Lightning module: `Trainer.fit(mvib.lightning(method))`. Lightning is imported only when asked for."""

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mvib.compile import CompiledModel
from mvib.data import BatchLoader, held_out_part, training_part
from mvib.diagnostics import SpecError
from mvib.driver import Analysis
from mvib.semantics.values import value_at
from mvib.train.config import TrainConfig, read_config
from mvib.train.course import Course, plan_course
from mvib.train.errors import SettingError
from mvib.train.examples import Data, Examples, data_name, load_examples
from mvib.train.optimizers import build_optimizer, set_rates
from mvib.train.randomness import seed_held_out, seed_step
from mvib.train.rates import learning_rate_factor
from mvib.train.run import build_model

if TYPE_CHECKING:
    # What a Lightning module has, as far as it is used here.
    class _Base(torch.nn.Module):
        trainer: Any
        current_epoch: int

        def log_dict(self, values: Mapping[str, Tensor], *, batch_size: int, on_epoch: bool) -> None: ...
        def clip_gradients(
            self, optimizer: Any, gradient_clip_val: float | None, gradient_clip_algorithm: str | None
        ) -> None: ...
        def optimizers(self) -> Any: ...
else:
    _Base = object


class LightningMissingError(ImportError):
    """Neither `lightning` nor `pytorch_lightning` can be imported."""


class Adapter(_Base):
    """The hooks of a Lightning module around a compiled model.

    The trainer decides on epochs, devices, precision, checkpoints and loggers. The method decides on the loss, the
    optimizer, the learning rate by step, clipping where the trainer has none, and what follows each step: momentum
    copies, queues, schedules. Every step seeds torch as `mvib.train` does, so that one process with one batch a step
    computes the same.

    Attributes:
        model: the compiled model.
        config: the training settings of the spec.
    """

    def __init__(self, model: CompiledModel, config: TrainConfig, examples: Examples, course: Course) -> None:
        """Join the parts; `lightning_module` makes them."""
        super().__init__()
        self.model = model
        self.config = config
        self._examples = examples
        self._course = course
        self._seeded = -1

    def forward(self, x: Tensor | Mapping[str, Tensor]) -> Tensor:
        """The representation of unaugmented examples."""
        return self.model.encode(x)

    def training_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch; logs it with the estimate of each term."""
        return self._loss(batch, prefix="")

    def validation_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:
        """Log the loss of a held-out batch."""
        self._loss(batch, prefix="held_out/")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer of the spec; its rates are set before every step."""
        return build_optimizer(self.model, self.config.optimizer)

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip as the trainer says, or else as the spec does."""
        if gradient_clip_val is None:
            gradient_clip_val, gradient_clip_algorithm = self.config.clip, "norm"
        self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_fit_start(self) -> None:
        """Schedules run over the steps that the trainer will take."""
        steps = self.trainer.estimated_stepping_batches
        # A trainer without an end has infinitely many; then the spec says how many.
        self.model.steps = int(steps) if 0 < steps < float("inf") else self._course.steps
        self.model.set_progress(min(1.0, self.model.num_steps_taken / self.model.steps))

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        """Seed the views of the step, and set its rates."""
        step, steps = self.model.num_steps_taken, self.model.steps or self._course.steps
        # Batches that are accumulated for one step are to have views of their own: only the first of them is seeded.
        if step != self._seeded:
            seed_step(self.config.seed, step)
            self._seeded = step
        set_rates(
            self.optimizers(),
            lr=self.config.optimizer.lr * learning_rate_factor(self.config.rate, step=step, steps=steps),
            weight_decay=value_at(self.config.weight_decay, step / steps),
        )

    def on_train_batch_end(self, outputs: object, batch: object, batch_idx: int) -> None:
        """What follows a step of the optimizer; a batch that is only accumulated is none."""
        if self.trainer.global_step > self.model.num_steps_taken:
            self.model.after_step()

    def train_dataloader(self) -> "Batches":
        """The data of the spec, shuffled as `mvib.train` does; give the trainer a loader of your own for other data.

        Raises:
            SettingError: there are several processes, each of which would see the same examples.
        """
        if self.trainer.world_size > 1:
            raise SettingError(
                f"the data of the spec are for one process, and the trainer has {self.trainer.world_size}",
                "give it a loader of batches by data variable with a distributed sampler, or use `mvib train`",
            )
        return Batches(self, is_training=True)

    def val_dataloader(self) -> "Batches":
        """The held-out part of the data of the spec."""
        return Batches(self, is_training=False)

    def batches(self, *, is_training: bool) -> Iterator[Mapping[str, Tensor]]:
        """Batches of an epoch on the CPU; the trainer moves them."""
        part = training_part(self._examples.columns) if is_training else held_out_part(self._examples.columns)
        loader = BatchLoader(part, device=torch.device("cpu"), bad=self._examples.bad)
        if is_training:
            yield from loader.shuffled(
                size=self.config.batch,
                seed=self.config.seed,
                epoch=self.current_epoch,
                drop_last=self._course.drop_last,
            )
            return
        seed_held_out(self.config.seed)
        size = self.held_out_size
        for batch in loader.in_fixed_order(size=size):
            if not self.model.couples_batch or len(next(iter(batch.values()))) == size:
                yield batch

    @property
    def held_out_size(self) -> int:
        """Examples of a held-out batch."""
        return min(self.config.batch, self._examples.num_held_out)

    def num_batches(self, *, is_training: bool) -> int:
        """How many `batches` yields."""
        if is_training:
            return self._course.batches
        number, size = self._examples.num_held_out, self.held_out_size
        return number // size if self.model.couples_batch else -(-number // size)

    def _loss(self, batch: Mapping[str, Tensor], *, prefix: str) -> Tensor:
        output = self.model(batch)
        values = {f"{prefix}loss": output.loss.detach()}
        values |= {f"{prefix}{name}": value.detach() for name, value in output.terms.items()}
        self.log_dict(values, batch_size=len(next(iter(batch.values()))), on_epoch=True)
        loss: Tensor = output.loss
        return loss


class Batches:
    """A loader as Lightning takes it: it has a length, and each pass over it is an epoch."""

    def __init__(self, module: Adapter, *, is_training: bool) -> None:
        """Of a module."""
        self._module = module
        self._is_training = is_training

    def __len__(self) -> int:
        return self._module.num_batches(is_training=self._is_training)

    def __iter__(self) -> Iterator[Mapping[str, Tensor]]:
        return self._module.batches(is_training=self._is_training)


def lightning_module(analysis: Analysis, *, data: Data | None = None) -> Adapter:
    """A method as a Lightning module with its data.

    Args:
        analysis: of a sound spec.
        data: name of a data source, arrays by name or torch data sets; default: that of the spec.

    Raises:
        LightningMissingError: Lightning is not installed.
        SpecError: the spec is wrong, or a module cannot take what the data give it.
        mvib.data.DataError: the data do not fit the spec.
        SettingError: there are fewer examples than one batch takes.
    """
    base = _import_base()
    if analysis.method is None or not analysis.is_sound:
        raise SpecError(analysis.diagnostics)
    given = str(analysis.method.settings["data"]) if data is None else data
    config = read_config(analysis.method, data=data_name(given))
    examples = load_examples(analysis.method, given, labelled=config.labelled, seed=config.seed, tuning=config.tuning)
    model = build_model(analysis, config, examples, steps=None)
    course = plan_course(config, examples, couples_batch=model.couples_batch)
    kind = type("MvibModule", (Adapter, base), {"__doc__": Adapter.__doc__})
    module: Adapter = kind(model, config, examples, course)
    return module


def _import_base() -> type:
    problems = []
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            base: type = importlib.import_module(name).LightningModule
        # Its parts fail in ways of their own, such as torchvision beside a torch of another build.
        except Exception as problem:  # noqa: BLE001
            problems.append(f"`{name}`: {problem}")
        else:
            return base
    raise LightningMissingError(
        f"`mvib.lightning` needs Lightning, which cannot be imported ({'; '.join(problems)}); "
        "install it: `pip install 'lightning>=2.2'`, or use `mvib.train`"
    )
