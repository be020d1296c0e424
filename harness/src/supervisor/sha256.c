/* SPDX-License-Identifier: Apache-2.0 */
#include "sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/base16.h>
#include <string.h>
#include <unistd.h>

void sha256_begin(struct sha256 *hash)
{
    sha256_init(&hash->context);
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t size)
{
    sha256_update(&hash->context, size, bytes);
}

void sha256_add_string(struct sha256 *hash, const char *string)
{
    const char *content = string != NULL ? string : "";
    sha256_add(hash, content, strlen(content) + 1);
}

void sha256_end(struct sha256 *hash, char hex[SHA256_HEX_SIZE])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(&hash->context, sizeof(digest), digest);
    base16_encode_update(hex, sizeof(digest), digest);
    hex[SHA256_HEX_SIZE - 1] = '\0';
}

bool sha256_file(const char *path, char hex[SHA256_HEX_SIZE])
{
    unsigned char buffer[16384];
    struct sha256 hash;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    sha256_begin(&hash);
    ssize_t got = 1;
    while (got != 0) {
        got = read(fd, buffer, sizeof(buffer));
        if (got < 0 && errno != EINTR) {
            int error = errno;
            (void)close(fd);
            errno = error;
            return false;
        }
        if (got > 0) {
            sha256_add(&hash, buffer, (size_t)got);
        }
    }
    (void)close(fd);
    sha256_end(&hash, hex);
    return true;
}
