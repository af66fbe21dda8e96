"""Where a run is computed: its device, and the processes that share it. lightning-fabric starts and joins them.

Every process holds the whole model and takes its share of each batch; the estimators, the normalisation layers and the
draws cross processes (`mvib.estimators.ranks`), so that loss, weights and estimates are those of one process with the
whole batch. The first process alone writes.
"""

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from mvib.compile import CompiledModel
from mvib.compile.parts import PartedObjective
from mvib.data import BadItem, BadItems, DataError, Share, WorkerEndedError
from mvib.estimators.ranks import ALONE, Ranks, current_ranks
from mvib.nn.batch_norm import UnsharedNormError, share_batch_norm
from mvib.train.config import Precision, TrainConfig
from mvib.train.device import move_model
from mvib.train.errors import FirstProcessFailed, FolderError, PeerLostError, SettingError
from mvib.train.gradients import AtOnce, Averaged, Joined, WholeObjective
from mvib.train.processes import Placement, start_processes
from mvib.train.sharding import is_sharded, put_together, shard_weights
from mvib.train.step import Compute, lowered

_Result = TypeVar("_Result")
# Of a process that cannot read its share of a batch, in the place of the number of its examples.
_FAILED = -1
# Mistakes of the user that one process may meet alone; the first tells what is wrong in another.
_Told = DataError | FolderError | SettingError
_TOLD: dict[str, type[_Told]] = {
    kind.__name__: kind for kind in (DataError, WorkerEndedError, FolderError, SettingError)
}
# What torch says, under several classes, where a process of the group has gone.
_GONE = ("Connection closed by peer", "Connection reset by peer", "Connection refused", "Broken pipe", "timed out")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the processes of a run agree on after a step.

    Attributes:
        stop: the signal by which one of them was asked to stop, 0 for none.
        save: whether one of them wants a checkpoint.
    """

    stop: int
    save: bool


class Engine:
    """The device of this process, and its place among those that share the run.

    Attributes:
        device: of this process.
        ranks: the processes.
        is_sharded: whether they have parts of the weights.
    """

    def __init__(self, device: torch.device, *, is_compiled: bool, is_sharded: bool) -> None:
        """Take the device, and the processes that `start_engine` has started."""
        self.device = device
        self.ranks: Ranks = current_ranks()
        self.is_sharded = is_sharded
        self._joined: list[Joined] = []
        self._is_compiled = is_compiled
        self._whole: CompiledModel | None = None

    @property
    def is_first(self) -> bool:
        """Whether this process writes."""
        return self.ranks.rank == 0

    @property
    def share(self) -> Share:
        """Which part of every batch this process takes."""
        return Share(self.ranks.rank, self.ranks.size)

    def place(self, model: CompiledModel) -> CompiledModel:
        """The model on the device; with several processes its batch normalisation is over all of them.

        Raises:
            SettingError: it has a batch normalisation that cannot be, or weights that cannot be parted.
        """
        if self.is_sharded:
            if _changes(model):
                raise SettingError(
                    "of partial data, critics, learned priors and learned numbers may have a gradient in one process "
                    "alone, which parted weights do not allow",
                    "leave out `--fsdp`",
                )
            self._whole = copy.deepcopy(model)
            self._whole.ranks = ALONE
        if self.ranks.size > 1:
            try:
                share_batch_norm(model)
            except UnsharedNormError as error:
                raise SettingError(str(error), "train with one process, or take another module") from error
        placed = move_model(model, self.device)
        if self.is_sharded:
            shard_weights(placed, device=self.device)
        return placed

    def whole(self, model: CompiledModel, *, for_all: bool = False) -> CompiledModel:
        """The model with all its weights as they are now, to compute with alone. All are to call it together.

        Where weights are parted it is a copy, always the same one; otherwise the model itself.

        Args:
            model: as it was placed.
            for_all: whether the copies of the others are to have the weights too, and not that of the first alone.
        """
        if self._whole is None:
            return model
        if self.is_first:
            self._whole = move_model(self._whole, self.device)
        is_wanted = self.is_first or for_all
        state = model.state_dict()
        if is_wanted:
            rest = {name: value for name, value in state.items() if not is_sharded(value)}
            self._whole.load_state_dict(rest, strict=False)
        own = self._whole.state_dict()
        assert own.keys() == state.keys(), "the copy has what the model has"
        for name, value in state.items():
            if is_sharded(value):
                # One by one, for all of them at once may not fit.
                put = put_together(value)
                if is_wanted:
                    own[name].copy_(put)
                del put
        return self._whole

    def join(self, model: CompiledModel, *, precision: Precision, parts: int) -> Compute:
        """How loss and gradients of a batch are computed, the gradients averaged over the processes.

        Args:
            model: on the device.
            precision: of its networks.
            parts: in how many a batch is computed.
        """
        if parts > 1:
            in_parts = PartedObjective(model, parts=parts, precision=lambda: lowered(precision, self.device))
            return Averaged(in_parts, model, self.ranks)
        objective: nn.Module = WholeObjective(model, precision=precision, device=self.device)
        if self._is_compiled:
            objective = torch.compile(objective)  # type: ignore[assignment]
        if self.ranks.size == 1:
            return AtOnce(objective)
        if self.is_sharded or _changes(model):
            return Averaged(AtOnce(objective), model, self.ranks)
        joined = Joined(objective, self.ranks, device=self.device)
        self._joined.append(joined)
        return joined

    def cautions(self, model: CompiledModel, *, parts: int) -> tuple[str, ...]:
        """Sentences on where a batch in parts is not the batch as a whole."""
        if parts == 1:
            return ()
        objective = PartedObjective(model, parts=parts)
        found = []
        if objective.inexact:
            listed = " and ".join(f"`{name}`" for name in objective.inexact)
            found.append(
                f"batch normalisation in {listed} sees one of {parts} parts of a batch at a time, so that the gradient "
                "is not that of the whole; `norm: layer`, of `conv` and `mlp`, makes it exact"
            )
        if objective.whole:
            listed = " and ".join(f"`{name}`" for name in objective.whole)
            found.append(f"{listed} takes the whole batch at once, for what comes before depends on all of it")
        return tuple(found)

    def total(self, examples: int | None) -> int | None:
        """The sum over processes of their examples; none where one of them has failed to read its own, and says so.

        All are to call it together.
        """
        counts = self.ranks.counts(_FAILED if examples is None else examples)
        return None if _FAILED in counts else sum(counts)

    def agree(self, *, stop: int, save: bool) -> Wishes:
        """What all processes do next, from what each of them would. All are to call it together."""
        if self.ranks.size == 1:
            return Wishes(stop, save)
        wishes = torch.tensor([stop, int(save)], dtype=torch.int64, device=self.device)
        dist.all_reduce(wishes, op=dist.ReduceOp.MAX)
        stopping, saving = wishes.tolist()
        return Wishes(stopping, saving > 0)

    def gather(self, lines: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """The pairs of texts of all processes, in order of process. All are to call it together."""
        if self.ranks.size == 1:
            return list(lines)
        content = torch.tensor(list(json.dumps(list(lines)).encode()), dtype=torch.uint8, device=self.device)
        parts = torch.split(self.ranks.rows(content), list(self.ranks.counts(len(content))))
        return [(str(one), str(other)) for part in parts for one, other in json.loads(bytes(part.tolist()))]

    def share_bad_items(self, bad: BadItems) -> tuple[BadItem, ...]:
        """Let all processes know of the bad items that any of them has met: the limit is for all together.

        All are to call it together.

        Returns:
            Those that nobody was told of before.
        """
        met = dict.fromkeys(BadItem(name, why) for name, why in self.gather([(i.name, i.why) for i in bad.take_new()]))
        for item in met:
            bad.add(item)
        bad.take_new()
        return tuple(met)

    def first(self, action: Callable[[], _Result]) -> _Result | None:
        """What the first process does alone; the others wait, and get nothing. All are to call it together.

        Raises:
            FirstProcessFailed: in the others, where it raised an exception.
        """
        if self.ranks.size == 1:
            return action()
        result, problem = None, None
        if self.is_first:
            try:
                result = action()
            except BaseException as error:  # noqa: BLE001 - it is raised again once the others know
                problem = error
        if self.agree(stop=int(problem is not None), save=False).stop:
            if problem is not None:
                raise problem
            raise FirstProcessFailed
        return result

    def each(self, action: Callable[[], _Result]) -> _Result:
        """What every process does for itself, such as reading its data; none goes on before all are done.

        Raises:
            Exception: it failed in one of them; see `fail`.
        """
        if self.ranks.size == 1:
            return action()
        problem: Exception | None = None
        try:
            result = action()
        except Exception as error:  # noqa: BLE001 - it is raised again once the others know
            problem = error
        if self.agree(stop=int(problem is not None), save=False).stop:
            self.fail(problem)
        return result

    def fail(self, problem: Exception | None) -> NoReturn:
        """End all processes where one of them cannot go on: the first says why. All are to call it together.

        A process that ended with words of its own might have no time for them: who started it ends it with the first.

        Args:
            problem: of this process, none where it is another's.

        Raises:
            DataError: in the first process, with what is wrong in the first that cannot go on; likewise other mistakes
                of the user.
            PeerLostError: in the first process, where the problem of another is none of the user's.
            FirstProcessFailed: in the others, but for those with such a problem, which raise it.
        """
        kind = next((one.__name__ for one in type(problem).__mro__ if one.__name__ in _TOLD), "")
        words: list[tuple[str, str]] = []
        if isinstance(problem, _Told) and kind:
            words = [(kind, problem.title), ("", problem.remedy)]
        told = self.gather(words)
        if problem is not None and (self.is_first or not words):
            raise problem
        if not self.is_first:
            raise FirstProcessFailed from problem
        if not told:
            raise PeerLostError
        (name, title), (_, remedy), *_rest = told
        raise _TOLD[name](title, remedy)

    @contextmanager
    def alone(self, model: CompiledModel) -> Iterator[None]:
        """Within it, this process computes without the others, which wait for it at their next step."""
        before, model.ranks = model.ranks, ALONE
        try:
            yield
        finally:
            model.ranks = before

    @contextmanager
    def together(self) -> Iterator[None]:
        """Within it, the end of another process is an error with a name; after it, processes part.

        Raises:
            PeerLostError: another process has ended.
        """
        is_broken = True
        try:
            yield
            is_broken = False
        except RuntimeError as error:
            if self.ranks.size > 1 and (
                isinstance(error, dist.DistError) or any(words in str(error) for words in _GONE)
            ):
                raise PeerLostError from error
            raise
        finally:
            for joined in self._joined:
                joined.leave()
            # NCCL would wait there for processes that wait for this one.
            is_waiting = is_broken and self.device.type == "cuda"
            if self.ranks.size > 1 and dist.is_initialized() and not is_waiting:
                dist.destroy_process_group()


def _changes(model: CompiledModel) -> bool:
    """Whether a weight may have a gradient in one batch, or in one process, and none in another.

    A critic, a learned prior or a learned number has no part in a batch where nobody has what it is about; decoders
    have.
    """
    is_partial = any(partial for _, partial in model.plan.data.values())
    has_critics = any(estimate.auxiliary for term in model.plan.terms for estimate in term.estimates)
    return is_partial and (has_critics or len(model.objective.learned) + len(model.objective.priors) > 0)


def start_engine(placement: Placement) -> Engine:
    """Start the processes of a run, or join those that were started, and choose the device of this one.

    Raises:
        SettingError: there is no such device here, or not as many, or the processes cannot be started.
    """
    device = start_processes(placement)
    engine = Engine(device, is_compiled=placement.compile, is_sharded=placement.fsdp)
    if placement.fsdp and engine.ranks.size == 1:
        raise SettingError("weights are to be parted, and there is one process", "write `--devices 2`, or no `--fsdp`")
    return engine


def check_share(config: TrainConfig, *, processes: int, compile: bool, fsdp: bool) -> None:
    """Refuse batches of which a process would have nothing, and what cannot go together.

    Raises:
        SettingError: there are more processes, or parts, than examples in a batch; or a batch in parts is to be
            compiled; or parted weights are to be compiled, or in half precision, or for a batch in parts.
    """
    refused = {
        "`--compile`": compile,
        "`accumulate`": config.accumulate > 1,
        "`precision: fp16`": config.precision is Precision.FP16,
    }
    others = [name for name, is_asked in refused.items() if is_asked]
    if fsdp and others:
        raise SettingError(f"parted weights do not go with {' and '.join(others)}", "leave out these, or `--fsdp`")
    if compile and config.accumulate > 1:
        raise SettingError("a batch in parts is not compiled", "leave out `--compile`, or `accumulate`")
    # Batch normalisation takes two examples at least.
    shares = processes * (2 * config.accumulate if config.accumulate > 1 else 1)
    if config.batch < shares:
        what = f"{processes} processes of {config.accumulate} parts of two or more"
        raise SettingError(
            f"a batch of {config.batch} examples has none for some of {what}", f"write `--set train.batch={shares}`"
        )
