/* SPDX-License-Identifier: Apache-2.0 */
/* Names of return codes. Reports never show a number where a name exists: no number is public. */
#include <cts/cts.h>
#include <inttypes.h>
#include <rtl/retcode.h>
#include <stdio.h>

static const struct {
    Retcode rc;
    const char *name;
} names[] = {
#define NAME(rc)                                                                                   \
    {                                                                                              \
        rc, #rc                                                                                    \
    }
    NAME(rcOk),
    NAME(rcInvalidArgument),
    NAME(rcNotConnected),
    NAME(rcOutOfMemory),
    NAME(rcBufferTooSmall),
    NAME(rcInternalError),
    NAME(rcTransferError),
    NAME(rcReceiveError),
    NAME(rcSourceFault),
    NAME(rcTargetFault),
    NAME(rcIpcInterrupt),
    NAME(rcRestart),
    NAME(rcFail),
    NAME(rcNoCapability),
    NAME(rcNotReady),
    NAME(rcUnimplemented),
    NAME(rcBufferTooLarge),
    NAME(rcBusy),
    NAME(rcResourceNotFound),
    NAME(rcTimeout),
    NAME(rcSecurityDisallow),
    NAME(rcFutexWouldBlock),
    NAME(rcAbort),
    NAME(rcInvalidThreadState),
    NAME(rcAlreadyExists),
    NAME(rcInvalidOperation),
    NAME(rcHandleRevoked),
    NAME(rcQuotaExceeded),
    NAME(rcDeviceNotFound),
#undef NAME
};

const char *cts_rc_name(Retcode rc)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].rc == rc) {
            return names[i].name;
        }
    }
    /* A code without a name is rare; a few buffers in turn let one line name several. */
    static char unknown[8][32];
    static unsigned next;
    char *text = unknown[next++ % 8u];
    (void)snprintf(text, sizeof unknown[0], "code 0x%08" PRIx32, (uint32_t)rc);
    return text;
}
