/* SPDX-License-Identifier: Apache-2.0 */
#include "capability.h"

#include <string.h>
#include <strings.h>

const struct cts_capability_row cts_capabilities[CTS_CAPABILITY_COUNT] = {
    [CTS_CAN_AUTOCLEAR] = {"autoclear", "KnIpcCreateSyncObjectEx",
                           "the library has no KnIpcCreateSyncObjectEx"},
    [CTS_CAN_COPY] = {"copy", "KnHandleCopy", "the library has no KnHandleCopy"},
    [CTS_CAN_REVOKE] = {"revoke", "KnHandleRevoke", "the library has no KnHandleRevoke"},
    [CTS_CAN_USER_OBJECT] = {"user-object", "KnHandleCreateUserObject",
                             "the library has no KnHandleCreateUserObject"},
    [CTS_CAN_TWO_PROCESSES] =
        {"two-processes",
         "adapter: process_create, thread_enter, channel_open; or os_processes with its two",
         "needs a second process, and there is no adapter with processes"},
    [CTS_CAN_PROCESS_END] = {"process-end", "adapter: process_end; or os_processes",
                             "needs a process to end, and the adapter cannot do that"},
    [CTS_CAN_STAGES] = {"stages", "adapter: thread_stage",
                        "needs to know where a thread is, and the adapter does not tell"},
    [CTS_CAN_LIVE_OBJECTS] = {"live-objects", "adapter: live_objects",
                              "needs the number of live objects, and the adapter does not tell"},
    [CTS_CAN_FAIL_ALLOCATION] =
        {"fail-allocation", "adapter: fail_allocation",
         "needs an allocation to fail, and the adapter cannot arrange that"},
    [CTS_CAN_VIRTUAL_TIME] =
        {"virtual-time", "adapter: clock_virtual, clock_advance",
         "needs virtual time for a limit this long, and there is no adapter with it"},
};

#define SEPARATORS " ,\t\r\n"

bool cts_capabilities_parse(const char *list, unsigned *set, const char **wrong, size_t *length)
{
    unsigned found = 0;
    size_t words = 0;
    bool none = false;
    for (const char *at = list + strspn(list, SEPARATORS); *at != '\0';) {
        size_t size = strcspn(at, SEPARATORS);
        size_t row = 0;
        while (row < CTS_CAPABILITY_COUNT &&
               (strlen(cts_capabilities[row].word) != size ||
                strncasecmp(cts_capabilities[row].word, at, size) != 0)) {
            row++;
        }
        bool is_none = size == 4 && strncasecmp(at, "none", 4) == 0;
        words++;
        none = none || is_none;
        if ((row == CTS_CAPABILITY_COUNT && !is_none) || (none && words > 1)) {
            *wrong = at;
            *length = size;
            return false;
        }
        found |= is_none ? 0 : CTS_CAPABILITY_BIT(row);
        at += size;
        at += strspn(at, SEPARATORS);
    }
    *wrong = list;
    *length = 0;
    *set = found;
    return words != 0;
}
