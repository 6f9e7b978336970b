"""The command ``weft`` and ``python -m weft``."""

import sys


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    from weft.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
