"""`python -m sfumato` is the `sfumato` command."""

import sys

from sfumato.cli import main

sys.exit(main())
