"""Fuzzing of the parser and the checker guided by coverage, where atheris is installed; no test by itself.

`python -m tests.security.coverage_guided -max_total_time=600 -max_len=2000 CORPUS`, with a folder of specs such as
`specs` copied to CORPUS. It ends at the first text that makes an exception, and writes the text to a file.
"""

import importlib
import sys
from typing import Any


def main() -> None:
    """Run until time is up or something breaks."""
    # It is in no extra of ours, has no types, and builds on few systems.
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["mvib.syntax", "mvib.semantics", "mvib.graph", "mvib.checks"]):
        driver = importlib.import_module("mvib.driver")
        text = importlib.import_module("mvib.diagnostics")
    source = importlib.import_module("mvib.source")

    def check(content: bytes) -> None:
        found = driver.analyse(source.SourceFile("spec.mvib", content.decode("utf-8", "replace")), prove=False)
        text.render_text(found.diagnostics)

    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
