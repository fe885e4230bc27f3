"""Lets `python -m sitrep_ie` stand for the `sitrep-ie` command."""

import sys

from sitrep_ie.cli import main

if __name__ == "__main__":
    sys.exit(main())
