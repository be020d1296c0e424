# SPDX-License-Identifier: Apache-2.0
"""`python3 -m ctsreport VERB ...`: what `ipc-cts VERB ...` starts."""

import sys

from ctsreport.cli import main

sys.exit(main())
