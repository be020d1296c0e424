/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library under test as a file. The command looks at it and never loads it: whatever loading
 * does, it does in a worker.
 */
#ifndef CTS_SUPERVISOR_SUT_H
#define CTS_SUPERVISOR_SUT_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

struct sut_file {
    char *path; /* absolute */
    uint64_t size_bytes;
    char build_id[129]; /* hexadecimal; "" when the file has none */
};

/* Is `path` a shared library for this machine? False with one line, without the path, in `error`:
 * "is a directory". */
bool sut_examine(const char *path, struct sut_file *file, struct text *error);
/* Is it a static library, which a worker for a sysroot can be linked with? */
bool sut_is_archive(const char *path);
/* As sut_examine, for such a file. */
bool sut_examine_archive(const char *path, struct sut_file *file, struct text *error);
/* As sut_examine, for a library that `worker` loads, which may be for another machine; null stands for
 * this one. What cannot be read here, for its word size or byte order, is only looked at from outside. */
bool sut_examine_for(const char *path, const char *worker, struct sut_file *file,
                     struct text *error);
/* Does it hold the names of gcov's counter files, as one built by gcc --coverage does? */
bool sut_has_counters(const char *path);
void sut_finish(struct sut_file *file);

#endif
