"""`synthetic:views=2,shared=4,...`: examples of a law of several views whose informations are known."""

import difflib
import math
from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

import torch

from mvib.data.bad_items import BadItems
from mvib.data.columns import ColumnKind
from mvib.data.errors import DataError
from mvib.data.laws.multiview import Factor, Form, MultiviewLaw, Task
from mvib.data.table import RawColumn, Table

Choice = TypeVar("Choice", bound=Enum)

DEFAULTS: Mapping[str, str] = {
    "views": "2",
    "shared": "4",
    "private": "4",
    "task": "shared",
    "bits": "2",
    "noise": "0.1",
    "factor": "bits",
    "form": "vector",
    "n": "10000",
    "seed": "0",
}
_MOST = {"views": 16, "shared": 256, "private": 256, "bits": 8, "n": 10_000_000, "seed": 2**63 - 1}
_MOST_NUMBERS = 1 << 28
_LEAST = {"views": 1, "shared": 0, "private": 0, "bits": 1, "n": 10, "seed": 0}


def load_synthetic_table(text: str) -> Table:
    """Draws examples of a law; its informations, in nats, are among the notes.

    Args:
        text: `KEY=VALUE,...` with the keys of `DEFAULTS`; what is left out has its default.

    Returns:
        Columns `view1`, `view2`, ... and `label`.

    Raises:
        DataError: there is no such key, or a value is out of range.
    """
    values = _read(text)
    law = read_law(values)
    n, seed = _whole(values, "n"), _whole(values, "seed")
    numbers = n * law.views * (law.side**2 if law.form is Form.IMAGE else law.shared + law.private)
    if numbers > _MOST_NUMBERS:
        raise DataError(
            f"`synthetic` would make {numbers:,} numbers", f"ask for less than {_MOST_NUMBERS:,}: fewer `n=`"
        )
    views, label = law.sample(n, torch.Generator().manual_seed(seed))
    kind = ColumnKind.IMAGE if law.form is Form.IMAGE else ColumnKind.VECTOR
    columns = {
        f"view{number}": RawColumn(kind=kind, train=view, test=None, description=f"view {number} of a synthetic law")
        for number, view in enumerate(views, start=1)
    }
    columns["label"] = RawColumn(
        kind=ColumnKind.LABEL,
        train=label,
        test=None,
        description=f"{law.task.value} factors",
        class_names=tuple(map(str, range(law.classes))),
        keeps_classes=True,
    )
    known = ", ".join(f"{name} = {_shown(nats)}" for name, nats in law.informations().items())
    return Table(
        name=f"synthetic:{text}" if text else "synthetic",
        columns=columns,
        bad=BadItems(),
        notes=(f"known of this law, in nats: {known}",),
    )


def read_law(values: Mapping[str, str]) -> MultiviewLaw:
    """The law that values of all keys describe.

    Raises:
        DataError: a value is out of range, or they do not fit together.
    """
    law = MultiviewLaw(
        views=_whole(values, "views"),
        shared=_whole(values, "shared"),
        private=_whole(values, "private"),
        task=_choice(values, "task", Task),
        bits=_whole(values, "bits"),
        noise=_noise(values),
        factor=_choice(values, "factor", Factor),
        form=_choice(values, "form", Form),
    )
    there_are = law.shared if law.task is Task.SHARED else law.private
    needed = law.bits if law.factor is Factor.BITS else 1
    if there_are < needed:
        raise DataError(
            f"the label takes {needed} {law.task.value} factors, and there are {there_are}",
            f"write `{law.task.value}={needed}` or more",
        )
    if law.form is Form.IMAGE and law.factor is not Factor.BITS:
        raise DataError("pictures are drawn of bits, and the factors are gaussian", "write `factor=bits`")
    if law.factor is Factor.BITS and law.noise > 0.5:
        raise DataError(f"`noise={law.noise:g}` is no probability of a flip", "write a number from 0 to 0.5")
    return law


def _read(text: str) -> dict[str, str]:
    values = dict(DEFAULTS)
    given: set[str] = set()
    for entry in filter(None, (entry.strip() for entry in text.split(","))):
        key, equals, value = (word.strip() for word in entry.partition("="))
        if not equals or key not in DEFAULTS:
            near = difflib.get_close_matches(key, DEFAULTS, n=1)
            hint = f"did you mean `{near[0]}=`? " if near else ""
            known = ", ".join(f"`{name}={default}`" for name, default in DEFAULTS.items())
            raise DataError(f"`synthetic` takes no `{entry}`", f"{hint}it takes, with these defaults, {known}")
        if key in given:
            raise DataError(f"`synthetic` is given `{key}` twice", "leave one of them out")
        given.add(key)
        values[key] = value
    return values


def _whole(values: Mapping[str, str], key: str) -> int:
    text, least, most = values[key], _LEAST[key], _MOST[key]
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise DataError(
            f"`{key}={text}` of `synthetic` is out of range", f"write a whole number from {least} to {most}"
        )
    return int(text)


def _noise(values: Mapping[str, str]) -> float:
    try:
        noise = float(values["noise"])
    except ValueError:
        noise = math.nan
    if not 0 <= noise <= 100:
        raise DataError(f"`noise={values['noise']}` of `synthetic` is out of range", "write a number from 0 to 100")
    return noise


def _choice(values: Mapping[str, str], key: str, choices: type[Choice]) -> Choice:
    for choice in choices:
        if choice.value == values[key]:
            return choice
    listed = " or ".join(f"`{key}={choice.value}`" for choice in choices)
    raise DataError(f"there is no `{key}={values[key]}` for `synthetic`", f"write {listed}")


def _shown(nats: float) -> str:
    return "infinite" if math.isinf(nats) else f"{nats + 0.0:.4g}"
