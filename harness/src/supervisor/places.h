/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the files lie that belong to this command. They are found from the program's own place, so
 * that an installed tree can be moved, and knows nothing of the tree it was built in.
 */
#ifndef CTS_SUPERVISOR_PLACES_H
#define CTS_SUPERVISOR_PLACES_H

enum place {
    PLACE_WORKER,
    PLACE_REFERENCE, /* the library */
    PLACE_REFERENCE_ADAPTER,
    PLACE_REPORTS, /* the directory with the package ctsreport */
    PLACE_SYSROOT_TOOL,
    PLACE_SELFTEST, /* its directory; only in a source tree */
    PLACE_COUNT
};

/* The absolute path: of an installation, or of the build tree when it is not there. What is in
 * neither has the path that it would have in the build tree. "" when the program does not know its own place,
 * which takes a mounted /proc. Valid until the end of the program. */
const char *place_of(enum place place);
/* This program; "" as above. */
const char *place_of_program(void);

#endif
