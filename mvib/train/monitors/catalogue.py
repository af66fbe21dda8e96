"""The monitors by name, and what each of their numbers is."""

from collections.abc import Mapping
from types import MappingProxyType

from mvib.diagnostics import nearest
from mvib.train.errors import SettingError

MONITORS: Mapping[str, str] = MappingProxyType(
    {
        "terms": "the estimate of each term on the held-out sample, with the direction of its bound",
        "plane": "I(Z; Y) and I(Z1; Z2), each by a lower bound, and I(X; Z) by a surrogate",
        "matrix": "matrix-based entropies, joint entropies and mutual information of orders 1 and 2",
        "rank": "effective rank and RankMe",
        "spectrum": "the singular values of the centred representation",
        "sphere": "alignment of two views and uniformity",
        "variance": "the variance of every dimension",
        "knn": "accuracy of the nearest neighbours",
        "linear": "accuracy of a linear probe",
    }
)

ALL, NONE = "all", "none"


def read_monitors(text: str) -> tuple[str, ...]:
    """Names of monitors as the command line gives them: `rank,knn`, `all` or `none`.

    Raises:
        SettingError: there is no such monitor.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if names == (ALL,):
        return tuple(MONITORS)
    if names == (NONE,):
        return ()
    for name in names:
        if name not in MONITORS:
            meant = nearest(name, MONITORS)
            hint = f"did you mean `{meant}`? " if meant else ""
            raise SettingError(
                f"there is no monitor `{name}`", f"{hint}write some of {', '.join(MONITORS)}, or `all`, or `none`"
            )
    if not names:
        raise SettingError("no monitor is named", f"write some of {', '.join(MONITORS)}, or `all`, or `none`")
    return names
