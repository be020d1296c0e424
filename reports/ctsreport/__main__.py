# SPDX-License-Identifier: Apache-2.0
"""`python3 -m ctsreport VERB ...`: what `ipc-cts VERB ...` starts."""

import gc
import sys

from ctsreport.cli import main

# One verb, then the end: looking for cycles among the million objects of a log, also at the end, only costs
# a fifth of the time.
gc.disable()
status = main()
gc.freeze()
sys.exit(status)
