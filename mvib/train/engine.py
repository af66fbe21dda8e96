"""Where a run is computed: its device, and the processes that share it. lightning-fabric starts and joins them.

Every process holds the whole model and takes its share of each batch; the estimators, the normalisation layers and the
draws cross processes (`mvib.estimators.ranks`), so that loss, weights and estimates are those of one process with the
whole batch. The first process alone writes.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

from mvib.compile import CompiledModel
from mvib.compile.parts import PartedObjective
from mvib.data import Share
from mvib.estimators.ranks import ALONE, Ranks, current_ranks
from mvib.nn.batch_norm import UnsharedNormError, share_batch_norm
from mvib.train.config import Precision, TrainConfig
from mvib.train.device import move_model
from mvib.train.errors import FirstProcessFailed, PeerLostError, SettingError
from mvib.train.gradients import AtOnce, Averaged, Joined, WholeObjective
from mvib.train.processes import Placement, start_processes
from mvib.train.step import Compute, lowered

_Result = TypeVar("_Result")
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
    """

    def __init__(self, device: torch.device, *, is_compiled: bool) -> None:
        """Take the device, and the processes that `start_engine` has started."""
        self.device = device
        self.ranks: Ranks = current_ranks()
        self._joined: list[Joined] = []
        self._is_compiled = is_compiled

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
            SettingError: it has a batch normalisation that cannot be.
        """
        if self.ranks.size > 1:
            try:
                share_batch_norm(model)
            except UnsharedNormError as error:
                raise SettingError(str(error), "train with one process, or take another module") from error
        return move_model(model, self.device)

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
        # A critic, or a learned number, has no part in a batch where nobody has what it is about; decoders have.
        is_partial = any(partial for _, partial in model.plan.data.values())
        has_critics = any(estimate.auxiliary for term in model.plan.terms for estimate in term.estimates)
        changes = is_partial and (has_critics or len(model.objective.learned) > 0)
        joined = Joined(objective, self.ranks, device=self.device, changes=changes)
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

    def total(self, examples: int) -> int:
        """The sum over processes of their examples. All are to call it together."""
        return sum(self.ranks.counts(examples))

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


def start_engine(placement: Placement) -> Engine:
    """Start the processes of a run, or join those that were started, and choose the device of this one.

    Raises:
        SettingError: there is no such device here, or not as many, or the processes cannot be started.
    """
    return Engine(start_processes(placement), is_compiled=placement.compile)


def check_share(config: TrainConfig, *, processes: int, compile: bool) -> None:
    """Refuse batches of which a process would have nothing, and what cannot go together.

    Raises:
        SettingError: there are more processes, or parts, than examples in a batch; or a batch in parts is to be
            compiled.
    """
    if compile and config.accumulate > 1:
        raise SettingError("a batch in parts is not compiled", "leave out `--compile`, or `accumulate`")
    # Batch normalisation takes two examples at least.
    shares = processes * (2 * config.accumulate if config.accumulate > 1 else 1)
    if config.batch < shares:
        what = f"{processes} processes of {config.accumulate} parts of two or more"
        raise SettingError(
            f"a batch of {config.batch} examples has none for some of {what}", f"write `--set train.batch={shares}`"
        )
