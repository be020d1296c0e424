/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) as hexadecimal digits, to say by what a run was made.
 */
#ifndef CTS_SUPERVISOR_SHA256_H
#define CTS_SUPERVISOR_SHA256_H

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>

#define SHA256_HEX_SIZE 65u /* 64 digits and the zero byte */

struct sha256 {
    struct sha256_ctx context;
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t size);
/* Adds the string with its zero byte, so that two lists of strings never look alike. Null is "". */
void sha256_add_string(struct sha256 *hash, const char *string);
/* The digest in lower-case digits. The hash is used up. */
void sha256_end(struct sha256 *hash, char hex[SHA256_HEX_SIZE]);

/* The digest of a file's content. Blocks while it is read. False with errno when it cannot be. */
bool sha256_file(const char *path, char hex[SHA256_HEX_SIZE]);

#endif
