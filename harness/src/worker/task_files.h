/* SPDX-License-Identifier: Apache-2.0 */
/* What procfs says about a task, through files that stay open. */
#ifndef CTS_TASK_FILES_H
#define CTS_TASK_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum cts_task_file {
    CTS_TASK_STAT,
    CTS_TASK_SCHEDSTAT,
    CTS_TASK_CHILDREN,
    CTS_TASK_SYSCALL,
    CTS_TASK_FILES
};

/* Makes room for the descriptors: while a process has one thread its table grows at once, and later it waits
 * until all processors have noticed, some 10 ms. Before the first thread is made, so before a library is loaded. */
void cts_task_files_prepare(void);

/* The file as it is now, as a string of at most size - 1 bytes. False when it is empty, cannot be
 * read, or the task is gone. By the main thread only. */
bool cts_task_read(pid_t pid, pid_t tid, enum cts_task_file file, char *buffer, size_t size);

/* Closes what is open: before descriptors are counted, and in a forked process. The next look opens
 * again. By the main thread only. */
void cts_task_files_close(void);

#endif
