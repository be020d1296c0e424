/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a library or its adapter can do beyond the functions that every library has: the vocabulary in
 * which it declares that (`--claims`, member `claims` of the adapter), in which a run tells what is
 * there, and by which cases are skipped. Worker and supervisor share it; the one table is in
 * capability.c.
 *
 * A claim is no switch: what is there is used whether it is claimed or not. A claim is checked: what
 * is claimed and not there makes the library fail.
 */
#ifndef CTS_CAPABILITY_H
#define CTS_CAPABILITY_H

#include <stdbool.h>
#include <stddef.h>

enum cts_capability {
    CTS_CAN_AUTOCLEAR,
    CTS_CAN_COPY,
    CTS_CAN_REVOKE,
    CTS_CAN_USER_OBJECT,
    CTS_CAN_TWO_PROCESSES,
    CTS_CAN_PROCESS_END,
    CTS_CAN_STAGES,
    CTS_CAN_LIVE_OBJECTS,
    CTS_CAN_FAIL_ALLOCATION,
    CTS_CAN_VIRTUAL_TIME,
    CTS_CAPABILITY_COUNT
};

struct cts_capability_row {
    const char *word;   /* as in a claim: "autoclear" */
    const char *means;  /* what has to be there, for people: "KnIpcCreateSyncObjectEx" */
    const char *absent; /* why a case that needs it is skipped */
};
/* By enum cts_capability. */
extern const struct cts_capability_row cts_capabilities[CTS_CAPABILITY_COUNT];

/* A set of them: bit n for the member n of the enum. */
#define CTS_CAPABILITY_BIT(capability) (1u << (unsigned)(capability))

/* Reads words between blanks and commas, upper or lower case; "none" alone stands for no word. True
 * with the set in *set; else the first word that is not known is at *wrong, *length bytes long (0: the
 * list holds no word at all). */
bool cts_capabilities_parse(const char *list, unsigned *set, const char **wrong, size_t *length);

#endif
