"""``python -m tlsfind``, the same as the ``tlsfind`` command."""

import sys

from tlsfind.cli import main

sys.exit(main())
