/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "text.h"

#include <errno.h>
#include <string.h>

void tap_bail_out(unsigned dialect, const char *reason, const char *file)
{
    if (dialect == 0) {
        return;
    }
    FILE *output = file == NULL ? stdout : fopen(file, "w");
    if (output == NULL) {
        say(stderr, "ipc-cts: the TAP file cannot be written: %s\n", strerror(errno));
        return;
    }
    say(output, "TAP version %u\nBail out! %s\n", dialect, reason);
    bool written = output == stdout ? fflush(output) == 0 : fclose(output) == 0;
    if (!written) {
        say(stderr, "ipc-cts: the TAP stream cannot be written: %s\n", strerror(errno));
    }
}
