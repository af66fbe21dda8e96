"""Every estimator of the catalogue that a gradient passes, in every form and with every word of its arguments.

The cases are made from the catalogue, so that an estimator that joins it cannot escape the tests that use them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor, nn

from mvib.catalogue import Catalogue, load_catalogue
from mvib.catalogue.signature import EstimatorEntry, Form, Interface, Kind, Required
from mvib.compile.estimator import Estimator, build_memory
from mvib.compile.execution import Networks, Tables, transform_rows
from mvib.compile.networks import build_auxiliary
from mvib.estimators.ranks import Ranks
from mvib.nn.distributions import Categorical, DiagonalGaussian
from mvib.nn.learned_number import LearnedNumber
from mvib.plan.plan import Auxiliary, Estimate
from mvib.semantics.scope import Scope, as_call
from mvib.semantics.values import BoundCall, Learned
from mvib.source import SourceFile, Span
from mvib.syntax import ast
from mvib.syntax.parser import parse_source

NOWHERE = Span(SourceFile("case", ""), 0, 0)
WIDTH = 6
CLASSES = WIDTH

# What an argument without a default, or with one that means nothing to vary, is given.
SAMPLES = {"critic": "separable(8, dim: 4)", "net": "mlp(8, norm: none)", "ema": "0.9"}


# Tables beside the usual ones, for estimators that can take others.
INPUTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "cross_entropy": (("x", "probabilities"),),
    "distance_infonce": (("x", "y", "pair"),),
    "patch_infonce": (("x", "tokens"),),
    "supcon": (("x", "y", "labels"),),
}

# Variables that are arguments, with the words that they go with.
VARIABLES: dict[str, tuple[dict[str, str], ...]] = {
    "infonce": (
        {"negatives": "all", "domain": "labels"},
        {"negatives": "other_view", "domain": "labels"},
        {"negatives": "own_view", "anchors": "first", "domain": "labels"},
        {"negatives": "other_view", "anchors": "first", "extra": "z"},
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call of one estimator for one form of quantity, with the tables it takes where they are not the usual."""

    name: str
    form: Form
    arguments: tuple[tuple[str, str], ...] = ()
    inputs: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        listed = ", ".join(f"{name}: {text}" for name, text in (*self.arguments, *self.variables))
        of = f" of {', '.join(self.inputs)}" if self.inputs else ""
        return f"{self.form.value} by {self.name}({listed}){of}"

    @property
    def entry(self) -> EstimatorEntry:
        return load_catalogue().estimators[self.name]


def all_cases() -> list[Case]:
    """One for each form, and for each word of an argument, of every estimator with a gradient."""
    entries = load_catalogue().estimators.values()
    return [case for entry in entries if entry.differentiable for case in dict.fromkeys(_cases(entry))]


def _cases(entry: EstimatorEntry) -> Iterator[Case]:
    required = {
        argument.name: SAMPLES[argument.name]
        for argument in entry.arguments
        if isinstance(argument.default, Required) and argument.name in SAMPLES
    }
    for form in entry.forms:
        base = Case(name=entry.name, form=form, arguments=tuple(required.items()))
        yield base
        yield from (replace(base, inputs=inputs) for inputs in INPUTS.get(entry.name, ()))
        for given in VARIABLES.get(entry.name, ()):
            kinds = {argument.name: argument.kind for argument in entry.arguments}
            variables = {name: table for name, table in given.items() if kinds[name] is Kind.VARIABLE}
            beside = tuple((name, word) for name, word in given.items() if name not in variables)
            yield replace(base, arguments=beside, variables=tuple(variables.items()))
        for argument in entry.arguments:
            words = list(argument.choices) if argument.kind in {Kind.CHOICE, Kind.MEMORY, Kind.NUMBER} else []
            if argument.kind is Kind.MEMORY:
                words.append("queue(16)")
            if argument.kind is Kind.BOOLEAN:
                words += ["true", "false"]
            if argument.learnable:
                words.append("learned(0.3)")
            if argument.name in SAMPLES and argument.name not in required:
                words.append(SAMPLES[argument.name])
            for word in words:
                yield replace(base, arguments=tuple((required | {argument.name: word}).items()))


def _bound(catalogue: Catalogue, entry: EstimatorEntry, arguments: dict[str, str]) -> BoundCall:
    """The call as a spec has it."""
    listed = ", ".join(f"{name}: {text}" for name, text in arguments.items())
    parsed = parse_source(SourceFile("case", f"method M maximize H(A) by {entry.name}({listed})"))
    term = next(statement for statement in parsed.spec.statements if isinstance(statement, ast.Term))
    call = as_call(term.estimator)
    assert call is not None
    return Scope(catalogue=catalogue).bind(call, entry)


class Bench:
    """One case with its networks, on rows that a shared layer makes, as a model would."""

    def __init__(self, case: Case, *, dtype: torch.dtype = torch.float64) -> None:
        torch.manual_seed(0)
        catalogue = load_catalogue()
        self.case = case
        self.dtype = dtype
        entry = case.entry
        arguments = {name: text for name, text in case.arguments if entry.interface is not Interface.DECODER}
        self.call: BoundCall | None = None
        if entry.interface is not Interface.DECODER:
            extra = {"reference": "normal"} if entry.interface is Interface.RATE else {}
            self.call = _bound(catalogue, entry, {**extra, **arguments})
        self.estimate = self._estimate(catalogue, entry)
        self.layers = nn.ModuleDict({name: nn.Linear(WIDTH, WIDTH) for name in ("x", "y")})
        self.auxiliaries = Networks()
        if self.estimate.auxiliary is not None:
            second = (WIDTH,) if self.estimate.auxiliary.second else None
            built = build_auxiliary(self.estimate.auxiliary, (WIDTH,), second)
            self.auxiliaries.add(self.estimate.auxiliary.name, built)
        learned = {
            name: LearnedNumber(value.start, positive=value.positive, least=value.least)
            for name, value in (self.call.arguments if self.call is not None else ())
            if isinstance(value, Learned)
        }
        self.learned = nn.ModuleDict(dict(learned))
        memory = build_memory(self.estimate, WIDTH)
        self.memory = memory.to(dtype) if memory is not None else None
        self.networks = nn.ModuleList([self.layers, self.auxiliaries, self.learned]).to(dtype)
        self.estimator = Estimator(
            self.estimate, auxiliaries=self.auxiliaries, memory=self.memory, learned=learned, classes=CLASSES
        )

    def _estimate(self, catalogue: Catalogue, entry: EstimatorEntry) -> Estimate:
        given = dict(self.call.arguments) if self.call is not None else {}
        auxiliary = None
        for name, is_density in (("critic", False), ("net", True)):
            network = given.get(name)
            if isinstance(network, BoundCall):
                tells_prior = entry.interface is Interface.DISCRIMINATOR
                is_density = is_density and not tells_prior
                second = "" if tells_prior else "y"
                auxiliary = Auxiliary(name=name, call=network, is_density=is_density, first="x", second=second)
        one = self.case.form in {Form.DIVERGENCE} or (self.case.form is Form.ENTROPY and entry.joins)
        labelled = entry.interface is Interface.LABELS or self.case.form in entry.labelled
        usual = ("x", "labels") if labelled else ("x",) if one else ("x", "y")
        uses_density = entry.interface in {Interface.RATE, Interface.CONDITIONAL, Interface.DECODER}
        normal = BoundCall(entry=catalogue.distributions["normal"], arguments=(), span=NOWHERE)
        needs_prior = entry.interface is Interface.RATE or entry.draws_prior
        return Estimate(
            entry=entry if entry.interface is not Interface.DECODER else None,
            call=self.call,
            inputs=self.case.inputs or usual,
            density="density" if uses_density and auxiliary is None else "",
            prior=normal if needs_prior else None,
            auxiliary=auxiliary,
            form=self.case.form,
            is_information=self.case.form is Form.INFORMATION,
            share=Fraction(1),
            variables=self.case.variables,
            name="case",
            span=NOWHERE,
        )

    def step(self, rows: Tensor, labels: Tensor, ranks: Ranks) -> Tensor:
        """The loss of one batch: the estimate less its constant, and the fit of an auxiliary density."""
        tables = Tables({}, ranks=ranks)
        x = self.layers["x"](rows[:, :WIDTH])
        y = self.layers["y"](rows[:, WIDTH:])
        tables.values |= {"x": self._transformed(x, ranks), "y": self._transformed(y, ranks), "labels": labels}
        z = self._transformed(x.flip(1) + y, ranks)
        tables.values |= {"z": z, "pair": torch.cat([y, z], dim=1), "tokens": torch.stack([y, z], dim=1)}
        tables.values["probabilities"] = y.softmax(dim=1)
        if self.case.entry.interface is Interface.LABELS:
            tables.densities["density"] = Categorical(logits=x)
        tables.densities["density"] = DiagonalGaussian(mean=y, std=0.5 + x.square())
        estimated = self.estimator(tables)
        loss = estimated.value - torch.as_tensor(estimated.constant)
        return loss + estimated.fit if estimated.fit is not None else loss

    def _transformed(self, rows: Tensor, ranks: Ranks) -> Tensor:
        entry = self.case.entry
        if entry.interface is not Interface.ROWS or self.estimate.auxiliary is not None:
            return rows
        return transform_rows(entry.rows, rows, ranks)

    def after_step(self) -> None:
        self.estimator.after_step()


def batches(*, rows: int, dtype: torch.dtype = torch.float64) -> list[tuple[Tensor, Tensor]]:
    """Two global batches of pairs of dependent rows, with labels."""
    generator = torch.Generator().manual_seed(1)
    made = []
    for _ in range(2):
        first = torch.randn(rows, WIDTH, generator=generator, dtype=torch.float64)
        noise = torch.randn(rows, WIDTH, generator=generator, dtype=torch.float64)
        labels = torch.randint(CLASSES, (rows,), generator=generator)
        made.append((torch.cat([first, first + 0.7 * noise], dim=1).to(dtype), labels))
    return made


def run_case(
    case: Case, ranks: Ranks, *, rows: int, shares: tuple[float, ...], dtype: torch.dtype
) -> dict[str, Tensor]:
    """Losses of two steps, gradients of the second averaged over ranks, and what is remembered.

    Args:
        case: what is run.
        ranks: the processes.
        rows: of the global batch.
        shares: of each rank in the batch.
        dtype: of rows and networks.
    """
    bench = Bench(case, dtype=dtype)
    cuts = [round(rows * sum(shares[:rank])) for rank in range(len(shares) + 1)]
    losses = []
    for number, (table, labels) in enumerate(batches(rows=rows, dtype=dtype)):
        mine = slice(cuts[ranks.rank], cuts[ranks.rank + 1])
        # What is drawn on rank 0 is what one process draws.
        torch.manual_seed(100 + number if ranks.rank == 0 else 7000 + ranks.rank)
        bench.networks.zero_grad()
        loss = bench.step(table[mine], labels[mine], ranks)
        losses.append(loss.detach())
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
        bench.after_step()
    found = {"losses": torch.stack(losses)}
    for name, parameter in bench.networks.named_parameters():
        gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
        found[f"gradient of {name}"] = ranks.sum(gradient) / ranks.size
    if bench.memory is not None:
        found |= {f"memory {name}": value.clone() for name, value in bench.memory.state_dict().items()}
    return found
