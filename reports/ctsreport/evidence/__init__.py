# SPDX-License-Identifier: Apache-2.0
"""What others can rely on: shards that add up, waivers, and evidence bundles."""


class EvidenceError(Exception):
    """Something that the user can put right, in one line; `status` is the exit status for it."""

    status = 4
