"""The Python interface: `mvib.load`, `mvib.compile`, `mvib.train`, `mvib.estimate`. Imports torch only when it must."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mvib.diagnostics import Diagnostic, SpecError
from mvib.driver import Analysis, analyse, read_source
from mvib.graph import InformationGraph
from mvib.semantics.method import Method
from mvib.source import SourceFile

if TYPE_CHECKING:
    from torch import Tensor

    from mvib.compile.example import Example
    from mvib.compile.model import CompiledModel
    from mvib.evaluate.information import Measurement
    from mvib.lightning import Adapter
    from mvib.train.run import Run


@dataclass(frozen=True)
class Specification:
    """A sound spec: parsed, resolved and checked. Draws itself in a notebook.

    Attributes:
        analysis: what the stages before torch found out.
    """

    analysis: Analysis

    @property
    def method(self) -> Method:
        """The typed method."""
        assert self.analysis.method is not None
        return self.analysis.method

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.method.name

    @property
    def graph(self) -> InformationGraph:
        """The information-path graph; `graph.nx` is its networkx view."""
        assert self.analysis.graph is not None
        return self.analysis.graph

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Warnings and notes; a specification has no errors."""
        return self.analysis.diagnostics

    def render(self, path: str | Path | None = None) -> str:
        """Draw the information-path diagram.

        Args:
            path: where to, the format by its ending: .svg, .png, .pdf, .dot, .tex, .mmd; None writes nothing.

        Returns:
            The path written, or without one the diagram as SVG text.

        Raises:
            ValueError: no such format.
            mvib.render.image.LayoutError: the layout program failed, or cannot write the format.
        """
        from mvib.render import render_file, render_svg  # noqa: PLC0415 - drawing is loaded only when asked for

        if path is None:
            return render_svg(self.analysis)
        render_file(self.analysis, Path(path))
        return str(path)

    def _repr_svg_(self) -> str:
        return self.render()

    def __repr__(self) -> str:
        return f"<mvib method {self.name}: {len(self.graph.variables)} variables, {len(self.method.terms)} terms>"


def load(
    file: str | Path, *, settings: Mapping[str, str | float] | None = None, plugins: tuple[str, ...] = ()
) -> Specification:
    """Read, resolve and check a spec.

    Args:
        file: a path, or the name of a bundled spec (`"vicreg"`).
        settings: values from outside, `{"beta": 0.1, "train.batch": 512}`.
        plugins: installed entry points whose modules and estimators the spec may use; they are imported.

    Raises:
        SpecError: the spec is wrong; it carries every diagnostic.
        mvib.driver.SpecNotFoundError: no such file and no such bundled spec.
    """
    return _checked(read_source(file), settings, plugins)


def loads(
    text: str,
    *,
    name: str = "<string>",
    settings: Mapping[str, str | float] | None = None,
    plugins: tuple[str, ...] = (),
) -> Specification:
    """The same from the text of a spec; `name` is what messages call it."""
    return _checked(SourceFile(name, text), settings, plugins)


def _checked(source: SourceFile, settings: Mapping[str, str | float] | None, plugins: tuple[str, ...]) -> Specification:
    overrides = {name: str(value) for name, value in (settings or {}).items()}
    analysis = analyse(source, overrides=overrides, plugins=plugins)
    if not analysis.is_sound:
        raise SpecError(analysis.diagnostics)
    return Specification(analysis)


def compile(
    method: "Specification | str | Path",
    example: "Mapping[str, Example] | Tensor | tuple[int, ...]",
    *,
    steps: int | None = None,
) -> "CompiledModel":
    """Compile a method to a `torch.nn.Module`.

    Args:
        method: a loaded spec, or what `load` takes.
        example: by data variable a batch as a tensor, or its shape (batch axis first); for a label also the number of
            classes. A single tensor or shape stands for the only variable that is no label.
        steps: number of training steps, over which schedules run; without it call `model.set_progress`.

    Raises:
        SpecError: a module cannot take what the graph gives it.
        mvib.compile.example.ExampleError: the example does not fit the data variables.
    """
    from mvib.compile.compiler import compile_model  # noqa: PLC0415 - torch is loaded only when asked for

    return compile_model(_specification(method).analysis, example, steps=steps)


def train(
    method: "Specification | str | Path",
    data: "str | Mapping[str, Any] | None" = None,
    *,
    epochs: int | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    device: str = "cpu",
    devices: int | None = None,
    nodes: int | None = None,
    compile: bool = False,
    fsdp: bool = False,
    workers: int | None = None,
    keep: int = 2,
    monitors: Sequence[str] | None = None,
) -> "Run":
    """Train a method.

    Args:
        method: a loaded spec, or what `load` takes; settings of its train block are changed with `load(settings=...)`.
        data: a data set's name (`"digits"`, `"npz:PATH"`), or arrays by name; default: that of the train block.
        epochs: in the place of the train block's.
        out: folder to write the run to; without it nothing is written.
        resume: folder of a run to go on with.
        device: `cpu`, `cuda`, `mps` or `auto`.
        devices: on each machine; default: those of `torchrun`, or one. For each of several the calling program is
            started again, which comes to this call by itself.
        nodes: machines; default: those of `torchrun`, or one.
        compile: whether networks and objective are compiled by `torch.compile`.
        fsdp: whether each of several processes keeps a part of the weights, of their gradients and of the optimizer's
            state alone (fully sharded data parallelism).
        workers: processes that read data which are not in memory; default: one a core, at most 8.
        keep: how many checkpoints are kept.
        monitors: names of what is watched on held-out data (docs/report.md); default: everything.

    Raises:
        SpecError: the spec is wrong.
        mvib.data.DataError: the data do not fit the spec.
        mvib.train.SettingError: a setting cannot be used here.
        mvib.train.FolderError: the folder holds another run, or is in use.
    """
    from mvib.train.loop import train_method  # noqa: PLC0415 - torch is loaded only when asked for
    from mvib.train.monitors import MONITORS  # noqa: PLC0415

    return train_method(
        _specification(method).analysis,
        data=data,
        epochs=epochs,
        out=out,
        resume=resume,
        device=device,
        devices=devices,
        nodes=nodes,
        compile=compile,
        fsdp=fsdp,
        workers=workers,
        keep=keep,
        monitors=tuple(MONITORS) if monitors is None else monitors,
    )


def lightning(method: "Specification | str | Path", data: "str | Mapping[str, Any] | None" = None) -> "Adapter":
    """A method as a Lightning module with its data: `Trainer(max_epochs=20).fit(mvib.lightning("vicreg"))`.

    Args:
        method: a loaded spec, or what `load` takes.
        data: a data set's name, or arrays by name; default: that of the train block.

    Raises:
        SpecError: the spec is wrong.
        mvib.data.DataError: the data do not fit the spec.
        mvib.lightning.LightningMissingError: Lightning is not installed; an ImportError.
    """
    from mvib.lightning import lightning_module  # noqa: PLC0415 - torch is loaded only when asked for

    return lightning_module(_specification(method).analysis, data=data)


def estimate(
    name: str,
    x: Any,
    y: Any = None,
    arguments: Mapping[str, object] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 20,
    seed: int = 0,
    plugins: tuple[str, ...] = (),
) -> "Measurement":
    """An information quantity of samples.

    An estimator that needs a critic or a conditional density trains it on a random half of the rows, and is measured on
    the other half.

    Args:
        name: an estimator that samples suffice for: `ksg`, `infonce`, `logdet`; `mvib list estimators` has them all.
        x: rows of the first variable, (N, D) or (N,): an array or tensor.
        y: rows of the second, for quantities of two variables.
        arguments: of the estimator, `{"k": 5}` or, as a spec writes them, `{"critic": "joint(64, 64)"}`.
        level: probability of the interval.
        resamples: number of half-samples that the interval comes from; 0 for none.
        seed: of halves, of weights and of everything else that is drawn; torch's global generator is left alone.
        plugins: entry points to take estimators from beside the built-in ones.

    Returns:
        A float that knows its `bound` (`lower bound`, `upper bound`, `exact`, `surrogate`), `interval`, `units` (nats
        unless the estimator is a surrogate) and `promise`.

    Raises:
        ValueError: no such estimator or argument, or it needs more than samples, or the arrays do not fit it.
    """
    from mvib.evaluate.information import measure_information  # noqa: PLC0415 - torch is loaded only when asked for

    return measure_information(
        name, x, y, arguments or {}, level=level, resamples=resamples, seed=seed, plugins=plugins
    )


def _specification(method: "Specification | str | Path") -> Specification:
    return method if isinstance(method, Specification) else load(method)
