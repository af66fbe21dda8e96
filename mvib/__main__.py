"""The command line as `python -m mvib`."""

import sys

from mvib.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
