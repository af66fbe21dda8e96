"""Why a run cannot be taken away."""


class ExportError(Exception):
    """Something cannot be exported; the message says what, why, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        """Join both to a sentence.

        Args:
            what: cannot be done, and why.
            remedy: what to do.
        """
        super().__init__(f"{what}; {remedy}")
        self.remedy = remedy
