"""The combinations of a sweep, from `--set NAME=VALUE,VALUE` and `--seeds`."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

from mvib.cli.spec_argument import parse_settings

SEED = "train.seed"
_MOST_RUNS = 10_000
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class GridPoint:
    """One run of a sweep.

    Attributes:
        settings: values by name, the seed apart.
        seed: of the run.
    """

    settings: tuple[tuple[str, str], ...]
    seed: int

    @property
    def overrides(self) -> Mapping[str, str]:
        """Settings and seed, as `--set` of `mvib train` gives them."""
        return {**dict(self.settings), SEED: str(self.seed)}

    def __str__(self) -> str:
        return " ".join([*(f"{name}={value}" for name, value in self.settings), f"seed={self.seed}"])


def read_grid(settings: Sequence[str], *, seeds: int) -> tuple[GridPoint, ...]:
    """Every combination, the seeds of each together.

    Args:
        settings: `NAME=VALUE,VALUE,...`; commas within brackets and strings part nothing.
        seeds: of each combination: 0, 1, ...

    Raises:
        click.UsageError: they cannot be read, name a setting twice, or are too many.
    """
    axes: dict[str, tuple[str, ...]] = {}
    for setting in settings:
        for name, text in parse_settings([setting]).items():
            if name in axes:
                raise click.UsageError(f"--set {name} is given twice: write --set {name}=VALUE,VALUE")
            if name == SEED:
                raise click.UsageError(f"the seeds of a sweep are --seeds, and not --set {SEED}")
            values = tuple(dict.fromkeys(split_values(text)))
            if not all(values):
                raise click.UsageError(f"--set {setting} has an empty value: write --set {name}=VALUE,VALUE")
            axes[name] = values
    number = seeds
    for values in axes.values():
        number *= len(values)
    if number > _MOST_RUNS:
        raise click.UsageError(f"these are {number:,} runs, and a sweep has at most {_MOST_RUNS:,}: take fewer values")
    return tuple(
        GridPoint(tuple(zip(axes, combination, strict=True)), seed)
        for combination in itertools.product(*axes.values())
        for seed in range(seeds)
    )


def split_values(text: str) -> Iterator[str]:
    """The values of a setting: parted by commas outside of brackets and strings."""
    closing: list[str] = []
    is_string = False
    value = ""
    for character in text:
        if character == "," and not closing and not is_string:
            yield value.strip()
            value = ""
            continue
        value += character
        if character == '"':
            is_string = not is_string
        elif is_string:
            continue
        elif character in _BRACKETS:
            closing.append(_BRACKETS[character])
        elif closing and character == closing[-1]:
            closing.pop()
    yield value.strip()
