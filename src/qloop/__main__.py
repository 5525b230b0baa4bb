"""`python -m qloop`: the command line."""

import sys

from qloop.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
