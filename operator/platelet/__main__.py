"""`python -m platelet`."""

import sys

from platelet.cli import main

if __name__ == "__main__":
    sys.exit(main())
