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
    static const char root[] = "/tmp/ipc-cts-XXXXXX";
    sigset_t signals;
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
    memcpy(place->root, root, sizeof(root));
    if (mkdtemp(place->root) == NULL) {
        say(stderr, "ipc-cts: cannot make a directory in /tmp: %s\n", strerror(errno));
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
