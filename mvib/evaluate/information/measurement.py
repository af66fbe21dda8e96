"""What a measurement says beside its number."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What belongs to a measured number.

    Attributes:
        estimator: the estimator with its arguments, as a spec would write it.
        quantity: what it estimates: `H(A)`, `I(A; B)`.
        bound: `lower bound`, `upper bound`, `exact` or `surrogate`.
        exact_when: condition under which the bound is exact, empty when never.
        units: `nats`, or `none` for a surrogate.
        interval: for the mean of the estimator over samples of this size, so its sampling error and nothing else; not
            where the value on another sample would lie, which has an error of its own. None when it was not asked for,
            or when there is none: `remarks` says why.
        level: probability of the interval.
        num_examples: number of rows measured on; with a critic or a fitted density, those it was not trained on.
        saturation: the value it cannot exceed, in words, empty when there is none.
        remarks: what else is to be known of the number or its interval, a sentence each.
    """

    estimator: str
    quantity: str
    bound: str
    exact_when: str
    units: str
    interval: tuple[float, float] | None
    level: float
    num_examples: int
    saturation: str
    remarks: tuple[str, ...] = ()


class Measurement(float):
    """A number that knows what it promises; anything a float can do, it can."""

    promise: Promise

    def __new__(cls, value: float, promise: Promise) -> "Measurement":
        """Join the number and its promise."""
        measurement = super().__new__(cls, value)
        measurement.promise = promise
        return measurement

    @property
    def value(self) -> float:
        """The number itself."""
        return float(self)

    @property
    def bound(self) -> str:
        """Direction of the estimate: `lower bound`, `upper bound`, `exact` or `surrogate`."""
        return self.promise.bound

    @property
    def interval(self) -> tuple[float, float] | None:
        """Interval for the mean of the estimator over samples of this size, at the level of the promise."""
        return self.promise.interval

    @property
    def units(self) -> str:
        """`nats`, or `none` for a surrogate."""
        return self.promise.units

    def __repr__(self) -> str:
        """`Measurement(0.524 nats, exact, 95% in [0.47, 0.58], N = 1000)`."""
        return f"Measurement({describe(self)})"


def describe(measurement: Measurement) -> str:
    """The number with its unit, direction and interval, in a line."""
    promise = measurement.promise
    unit = promise.units if promise.units != "none" else "(no unit)"
    parts = [f"{measurement.value:.6g} {unit}", promise.bound]
    if promise.interval is not None:
        low, high = promise.interval
        parts.append(f"{promise.level:.0%} in [{low:.4g}, {high:.4g}]")
    parts.append(f"N = {promise.num_examples}")
    return ", ".join(parts)
