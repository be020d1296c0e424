/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "sweep.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

_Bool workplace_open(struct workplace *place)
{
    const char *above = getenv("TMPDIR");
    sigset_t signals;
    if (above == NULL || above[0] == '\0') {
        above = "/tmp";
    }
    /* A caller may have left SIGCHLD ignored, and then no child could be waited for. A reader of
     * our output that goes away must not take the clean-up with it. */
    if (signal(SIGCHLD, SIG_DFL) == SIG_ERR || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
        sigemptyset(&signals) != 0 || sigaddset(&signals, SIGINT) != 0 ||
        sigaddset(&signals, SIGTERM) != 0 || sigaddset(&signals, SIGHUP) != 0 ||
        sigprocmask(SIG_BLOCK, &signals, NULL) != 0) {
        say(stderr, "ipc-cts: signals: %s\n", strerror(errno));
        return 0;
    }
    place->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (place->signal_fd < 0) {
        say(stderr, "ipc-cts: signalfd: %s\n", strerror(errno));
        return 0;
    }
    /* When a keeper is lost, its processes come to us instead of getting away. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        say(stderr, "ipc-cts: prctl: %s\n", strerror(errno));
        (void)close(place->signal_fd);
        return 0;
    }
    int size = snprintf(place->root, sizeof(place->root), "%s/ipc-cts-XXXXXX", above);
    bool fits = size > 0 && (size_t)size < sizeof(place->root) && above[0] == '/';
    if (!fits || mkdtemp(place->root) == NULL) {
        struct text shown = {0};
        text_visible(&shown, above);
        say(stderr, "ipc-cts: cannot make a directory in %s: %s\n", text_string(&shown),
            fits ? strerror(errno) : "TMPDIR has to be an absolute path of at most 200 bytes");
        text_finish(&shown);
        (void)close(place->signal_fd);
        return 0;
    }
    return 1;
}

void workplace_close(struct workplace *place)
{
    remove_tree(place->root);
    (void)close(place->signal_fd);
}
