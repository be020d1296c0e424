/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the suite a run goes through. Shared by ipc-cts and its worker. */
#ifndef CTS_EXTENT_H
#define CTS_EXTENT_H

enum cts_extent {
    CTS_EXTENT_STANDARD = 0,
    CTS_EXTENT_SMOKE, /* only the cases with the trait CTS_SMOKE */
    CTS_EXTENT_SOAK,  /* all cases, and the race windows with many trials */
    CTS_EXTENT_COUNT
};

/* The words of the command line and of the event log, by value. */
#define CTS_EXTENT_WORDS                                                                           \
    {                                                                                              \
        "standard", "smoke", "soak"                                                                \
    }

#endif
