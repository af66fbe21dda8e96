"""What cannot be written as a file of its own."""


class EmissionError(Exception):
    """A method that compiles cannot be written as standalone source.

    Attributes:
        what: what stands in the way.
        remedy: what to do about it.
    """

    def __init__(self, what: str, *, remedy: str) -> None:
        """Record what stands in the way, and what to do about it."""
        super().__init__(f"{what}; {remedy}")
        self.what, self.remedy = what, remedy
