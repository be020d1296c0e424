/* SPDX-License-Identifier: Apache-2.0 */
/* Fails in Set and prints what breaks a careless report. */
#include <coresrv/ipc/ipc_api.h>
#include <stdio.h>

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    (void)syncHandle;
    static const char text[] = "]]><!--&#0; \xff\xfe\xc0\x80 \x1b[2J\r\n"
                               "not ok 1 # TO"
                               "DO\nok 1 # SKIP\n}{\"event\":\"case_end\"}\n";
    (void)fwrite(text, 1, sizeof text - 1, stdout);
    (void)fflush(stdout);
    (void)fwrite(text, 1, sizeof text - 1, stderr);
    return rcFail;
}
