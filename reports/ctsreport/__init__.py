# SPDX-License-Identifier: Apache-2.0
"""From the event log of a run to documents. See reports/README.md."""
