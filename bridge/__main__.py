"""``python -m bridge`` is ``linkspan``."""

import sys

from bridge.cli import main

sys.exit(main())
