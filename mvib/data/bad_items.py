"""Items of a data set that cannot be used: each is named, counted, and left out up to a limit that the user sets."""

from collections.abc import Iterator
from dataclasses import dataclass

from mvib.data.errors import DataError

_NUM_NAMED = 3


@dataclass(frozen=True, slots=True, order=True)
class BadItem:
    """One item that cannot be used.

    Attributes:
        name: where it lies: a path, `file.csv:12`, `shard.tar:cat.jpg`.
        why: what is wrong with it, as the end of a sentence.
    """

    name: str
    why: str

    def __str__(self) -> str:
        return f"`{self.name}` {self.why}"


class BadItems:
    """Those found so far, each once. It may be added to while a run goes on.

    Attributes:
        limit: how many may be left out.
    """

    def __init__(self, limit: int = 0, *, remedy: str = "") -> None:
        """Begin with none.

        Args:
            limit: how many may be left out before it is an error.
            remedy: what else helps, for messages.
        """
        self.limit = limit
        self._remedy = remedy
        self._items: dict[BadItem, None] = {}
        self._num_told = 0

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[BadItem]:
        return iter(tuple(self._items))

    def add(self, item: BadItem) -> None:
        """Take note of an item, without looking at the limit."""
        self._items[item] = None

    def check(self) -> None:
        """Hold the limit.

        Raises:
            DataError: there are more than may be left out; names the first.
        """
        count = len(self._items)
        if count <= self.limit:
            return
        named = "; ".join(str(item) for item in list(self._items)[:_NUM_NAMED])
        more = f"; and {count - _NUM_NAMED} more" if count > _NUM_NAMED else ""
        title = (
            f"{count} item{'s' if count > 1 else ''} of the data cannot be used, and {self.limit} may be left out: "
            f"{named}{more}"
        )
        raise DataError(title, f"mend or remove them, or leave out up to so many: `--skip-bad {count}`{self._remedy}")

    def take_new(self) -> tuple[BadItem, ...]:
        """Those that no earlier call has returned."""
        new = tuple(self._items)[self._num_told :]
        self._num_told = len(self._items)
        return new
