"""The one loop for every method: epochs of steps, what is measured, and when the state is saved."""

import math
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.amp import GradScaler

from mvib.compile import CompiledModel
from mvib.compile.model import evaluation_mode
from mvib.data import (
    BatchLoader,
    DataError,
    Loading,
    WorkerEndedError,
    held_out_part,
    training_part,
)
from mvib.data.loading import describe_ended, is_of_workers, workers_may_end
from mvib.semantics.values import value_at
from mvib.train.checkpoint import Place, collect_parted_state, collect_state, find_non_finite
from mvib.train.checkpoints import Checkpoints
from mvib.train.config import Precision, TrainConfig
from mvib.train.course import Course
from mvib.train.engine import Engine
from mvib.train.errors import Interrupted, NonFiniteError, SingularError
from mvib.train.events import EpochEnded, Observer, PartSkipped, StepTaken
from mvib.train.examples import Examples
from mvib.train.folder import RunFolder, append_record
from mvib.train.history import EpochRecord, Measured, RunningMeans
from mvib.train.interruption import StopRequest, interrupt_after_step
from mvib.train.monitors import Monitoring, due_steps
from mvib.train.optimizers import set_rates
from mvib.train.randomness import seed_held_out, seed_step
from mvib.train.rates import learning_rate_factor
from mvib.train.step import Batch, Broken, StepResult, run_model, take_step


class Training:
    """A training in progress. It owns the model, the optimizer and the place; it knows no method by name.

    Attributes:
        place: how far it is.
        history: records of the epochs that are over.
        cautions: sentences on where the numbers are not those of one process with the whole batch.
    """

    def __init__(
        self,
        model: CompiledModel,
        optimizer: torch.optim.Optimizer,
        examples: Examples,
        config: TrainConfig,
        course: Course,
        *,
        engine: Engine,
        folder: RunFolder | None,
        checkpoints: Checkpoints | None,
        observer: Observer,
        loading: Loading | None = None,
        monitoring: Monitoring | None = None,
    ) -> None:
        """Join the parts; the model is placed by the engine already.

        What writes (folder, checkpoints, monitoring) is there in the first process alone.
        """
        self.model = model
        self.place = Place()
        self.history: list[EpochRecord] = []
        self._optimizer = optimizer
        self._config = config
        self._course = course
        self._engine = engine
        self._compute = engine.join(model, precision=config.precision, parts=config.accumulate)
        self.cautions = engine.cautions(model, parts=config.accumulate)
        self._scaler = GradScaler(engine.device.type) if config.precision is Precision.FP16 else None
        self._folder = folder
        self._checkpoints = checkpoints
        self._observer = observer
        self._monitoring = monitoring
        self._looks = due_steps(course.steps)
        self._is_watched = False
        self._bad = examples.bad
        self._train, self._held_out = (
            BatchLoader(part, device=engine.device, bad=examples.bad, loading=loading, share=engine.share)
            for part in (training_part(examples.columns), held_out_part(examples.columns))
        )
        self._num_held_out = examples.num_held_out
        # Why there are no held-out estimates, each reason once.
        self._told: set[str] = set()
        # Whether the weights are those of `place`, and not of a step in progress.
        self._is_settled = True

    def go_on(self, place: Place, history: Sequence[EpochRecord]) -> None:
        """Begin at a place of a checkpoint, whose weights the model has already."""
        self.place = place
        self.history = list(history)
        if self._scaler is not None and place.scaler:
            self._scaler.load_state_dict({**self._scaler.state_dict(), **place.scaler})
        if self._checkpoints is not None:
            self._checkpoints.go_on(place)

    def run(self) -> None:
        """Train to the end.

        Raises:
            NonFiniteError: a number is not finite, or a covariance has no inverse; the last good checkpoint stays.
            Interrupted: the user stopped it; there is a checkpoint.
            DataError: the data cannot be read any more; there is a checkpoint.
            DiskFullError: there is no room for a checkpoint; the last good one stays.
            FirstProcessFailed: the first process cannot write.
            OSError: something cannot be written.
        """
        self.model.train()
        # The first checkpoint shows before hours of work whether one can be written at all.
        self._save_together()
        self._engine.first(self._begin)
        is_on = self._monitoring is not None and self._monitoring.is_on
        self._is_watched = self._engine.agree(stop=0, save=is_on).save
        self._look()
        with interrupt_after_step() as request:
            try:
                self._run_epochs(request)
                self._save_together()
                self.model = self._engine.whole(self.model, for_all=True)
                if request.is_made:
                    raise KeyboardInterrupt
            except (KeyboardInterrupt, DataError, RuntimeError) as error:
                if isinstance(error, RuntimeError) and not is_of_workers(error):
                    raise
                with workers_may_end():
                    self._save_and_close()
                    if isinstance(error, KeyboardInterrupt) or request.is_made:
                        raise self._interrupted(request) from error
                    if isinstance(error, DataError):
                        raise
                    raise WorkerEndedError(*describe_ended(error)) from error

    def _begin(self) -> None:
        if self._monitoring is not None:
            self._monitoring.begin(self.place.step)

    def _run_epochs(self, request: StopRequest) -> None:
        while self.place.epoch < self._course.epochs:
            for is_due in self._run_epoch():
                agreed = self._engine.agree(stop=request.stopped_by or 0, save=request.take_save() or is_due)
                if agreed.save or agreed.stop:
                    self._save_together()
                if agreed.stop:
                    request.stopped_by = agreed.stop
                    raise KeyboardInterrupt

    def _interrupted(self, request: StopRequest) -> Interrupted:
        number = request.stopped_by or signal.SIGINT
        if self._checkpoints is None:
            return Interrupted(step=self.place.step, folder=None, signal=number)
        return Interrupted(step=self._checkpoints.saved[1], folder=self._checkpoints.run, signal=number)

    def _save_and_close(self) -> None:
        """Save, unless a step is half taken or needs the others, and end the processes that read."""
        if self._is_settled and not self._engine.is_sharded:
            self._save()
        self._train.close()
        self._held_out.close()

    def _run_epoch(self) -> Iterator[bool]:
        """The steps of an epoch that are left, each followed by a pause; says whether a checkpoint is due."""
        place, config = self.place, self._config
        batches = self._train.shuffled(
            size=config.batch,
            seed=config.seed,
            epoch=place.epoch,
            drop_last=self._course.drop_last,
            start=place.batch,
        )
        seconds, examples = 0.0, 0
        for batch, size in self._read(batches):
            began = time.perf_counter()
            result = self._take_step(batch, size)
            seconds += time.perf_counter() - began
            examples += size
            self._observer(
                StepTaken(epoch=place.epoch + 1, step=place.step, examples=size, loss=result.loss, terms=result.terms)
            )
            self._look()
            yield self._checkpoints is not None and self._checkpoints.is_due_after_step(place)
        self._end_epoch(seconds, examples)
        yield self._checkpoints is not None and self._checkpoints.is_due_after_epoch(self.place)

    def _read(self, batches: Iterator[Batch]) -> Iterator[tuple[Batch, int]]:
        """Batches as they come, each with the number of examples of all processes together.

        Every loader is read by way of this: a process that failed alone would leave the others waiting for it.

        Raises:
            DataError: this or another process cannot read its share; there is a checkpoint of the last step.
            FirstProcessFailed: likewise, in the processes beside the first.
        """
        while True:
            batch: Batch | None = None
            problem: Exception | None = None
            try:
                batch = next(batches, None)
            # Whatever it is, the code of the user's own data set included.
            except Exception as error:  # noqa: BLE001 - it is raised again once the others know
                problem = error
            size = self._engine.total(None if problem is not None else 0 if batch is None else _size(batch))
            if size is None:
                # While all are here: the others could not put parted weights together later.
                with workers_may_end():
                    self._save_together()
                self._engine.fail(problem)
            if batch is None:
                return
            yield batch, size

    def _take_step(self, batch: Mapping[str, Tensor], size: int) -> StepResult:
        place, config = self.place, self._config
        self._is_settled = False
        seed_step(config.seed, place.step)
        set_rates(
            self._optimizer,
            lr=self._learning_rate(place.step),
            weight_decay=value_at(config.weight_decay, place.step / self._course.steps),
        )
        with self._inverting():
            result = take_step(
                self.model, self._optimizer, batch, compute=self._compute, clip=config.clip, scaler=self._scaler
            )
        if isinstance(result, Broken):
            raise self._failure(result.culprit)
        _add(place.means, result.loss, result.terms, result.counts)
        if result.gradient_norm is not None:
            place.means.add({"gradient_norm": result.gradient_norm}, examples=size)
        if self._scaler is not None:
            place.scaler = {name: self._scaler.state_dict()[name] for name in _OF_SCALER}
        place.step += 1
        place.batch += 1
        self._is_settled = True
        return result

    def _learning_rate(self, step: int) -> float:
        factor = learning_rate_factor(self._config.rate, step=step, steps=self._course.steps)
        return self._config.optimizer.lr * factor

    def _end_epoch(self, seconds: float, examples: int) -> None:
        place = self.place
        means = place.means
        record = EpochRecord(
            epoch=place.epoch + 1,
            step=place.step,
            progress=place.step / self._course.steps,
            train=_measured(means),
            held_out=self._measure_held_out(),
            lr=self._learning_rate(place.step - 1),
            gradient_norm=means.mean("gradient_norm"),
            schedules=self.model.schedule_values(),
            seconds=seconds,
            examples_per_second=examples / seconds if seconds > 0 else 0.0,
        )
        self._engine.first(lambda: append_record(self._folder, record) if self._folder is not None else None)
        self._share_bad_items()
        self.history.append(record)
        self.place = Place(epoch=place.epoch + 1, step=place.step, scaler=place.scaler)
        self._observer(EpochEnded(record=record))
        self._engine.first(lambda: self._monitoring.end_epoch(record) if self._monitoring is not None else None)

    def _share_bad_items(self) -> None:
        """Name what was left out since the last time, by any process; the limit is for all together.

        Raises:
            DataError: there are more than may be left out.
        """
        for item in self._engine.share_bad_items(self._bad):
            self._observer(PartSkipped(what=f"`{item.name}`", why=f"it {item.why}"))
        try:
            self._bad.check()
        except DataError as problem:
            # All find the same, and are here to put parted weights together.
            self._save_together()
            self._engine.fail(problem)

    def _look(self) -> None:
        # Only the first has monitors. All know when it looks, and hear where it cannot: they would wait for it.
        if not self._is_watched or self.place.step not in self._looks:
            return
        model = self._engine.whole(self.model)
        self._engine.first(lambda: self._look_at(model))

    def _look_at(self, model: CompiledModel) -> None:
        if self._monitoring is not None:
            step = self.place.step
            with self._engine.alone(model):
                self._monitoring.look(model, step=step, epoch=step // self._course.batches)

    def _measure_held_out(self) -> Measured:
        """Means over the held-out part; not numbers where a covariance of it has no inverse, and then it says so."""
        try:
            return self._run_held_out()
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            # Nothing that is trained depends on it, and all processes find the same, of the rows of all.
            why = f"a batch of the held-out part cannot be used: {error}"
            if why not in self._told:
                self._told.add(why)
                epoch = self.place.epoch + 1
                self._observer(PartSkipped(what=f"the held-out estimate of epoch {epoch}", why=f"{why} (said once)"))
            return Measured(loss=math.nan, terms=dict.fromkeys(_measured(self.place.means).terms, math.nan))

    @torch.no_grad()
    def _run_held_out(self) -> Measured:
        """Means over the held-out part in evaluation mode, in batches of the size that the estimates are used to."""
        size = min(self._config.batch, self._num_held_out)
        seed_held_out(self._config.seed)
        means = RunningMeans()
        with evaluation_mode(self.model):
            for number, (batch, _) in enumerate(self._read(self._held_out.in_fixed_order(size=size))):
                if self.model.couples_batch and self._num_held_out < (number + 1) * size:
                    continue
                output = run_model(self.model, batch, precision=self._config.precision, device=self._engine.device)
                terms = {name: float(value) for name, value in output.terms.items()}
                _add(means, float(output.loss), terms, output.counts)
        return _measured(means)

    def _save_together(self) -> None:
        """Let the first process save. All are to call it together."""
        state: dict[str, Tensor] | None = None
        if self._engine.is_sharded:
            if not self._engine.agree(stop=0, save=self._is_unsaved()).save:
                return
            # Parts of weights are put together by all.
            state = collect_parted_state(self.model, self._optimizer, is_kept=self._engine.is_first)
        self._engine.first(lambda: self._save(state))

    def _is_unsaved(self) -> bool:
        """Whether this process writes checkpoints, and the last one is of another place."""
        return self._checkpoints is not None and self._checkpoints.saved != (self.place.epoch, self.place.step)

    def _save(self, state: Mapping[str, Tensor] | None = None) -> None:
        """Write a checkpoint, unless the last one is of this very place."""
        if self._checkpoints is None or not self._is_unsaved():
            return
        tensors = collect_state(self.model, self._optimizer) if state is None else state
        broken = find_non_finite(tensors)
        if broken is not None:
            raise self._failure(f"`{broken}` holds a number that is not finite")
        self._checkpoints.write(tensors, self.place)

    @contextmanager
    def _inverting(self) -> Iterator[None]:
        """Within it, a covariance without an inverse ends the run with the reason and not as a mistake of ours."""
        try:
            yield
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            raise self._failure(f"a batch of training cannot be used: {error}", kind=SingularError) from error

    def _failure(self, culprit: str, *, kind: type[NonFiniteError] = NonFiniteError) -> NonFiniteError:
        checkpoints = self._checkpoints
        return kind(
            culprit,
            step=self.place.step,
            checkpoint=checkpoints.newest if checkpoints is not None else None,
            checkpoint_step=checkpoints.saved[1] if checkpoints is not None else -1,
        )


_TERM = "term:"
# What the scaler of half precision learns.
_OF_SCALER = ("scale", "_growth_tracker")


def _add(means: RunningMeans, loss: float, terms: Mapping[str, float], counts: Mapping[str, int]) -> None:
    """Add a batch: a term counts with the examples behind it, the loss with those behind any of its terms."""
    for name, value in terms.items():
        # A term may be called `loss`.
        means.add({f"{_TERM}{name}": value}, examples=counts[name])
    means.add({"loss": loss}, examples=max(counts.values(), default=1))


def _measured(means: RunningMeans) -> Measured:
    terms = {name.removeprefix(_TERM): means.mean(name) for name in means.totals if name.startswith(_TERM)}
    return Measured(loss=means.mean("loss"), terms=terms)


def _size(batch: Mapping[str, Tensor]) -> int:
    return len(next(iter(batch.values())))
