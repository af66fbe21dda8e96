"""The mistake a user makes when the data cannot be read or do not fit the variables."""


class DataError(Exception):
    """The data cannot be read, or do not fit what is asked of them.

    Attributes:
        title: what is wrong, in one line that stands alone.
        remedy: text that the user can paste or follow.
    """

    def __init__(self, title: str, remedy: str) -> None:
        super().__init__(f"{title}; {remedy}")
        self.title = title
        self.remedy = remedy


class WorkerEndedError(DataError):
    """A process that reads the data has ended before its time, often for want of memory: no mistake of the user's."""
