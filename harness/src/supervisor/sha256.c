/* SPDX-License-Identifier: Apache-2.0 */
#include "sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SHA256_ROUNDS 64u
#define SHA256_LENGTH_AT 56u /* where the last block holds the length */

static const uint32_t round_constants[SHA256_ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turned(uint32_t value, unsigned by)
{
    return (value >> by) | (value << (32u - by));
}

static void take_block(struct sha256 *hash)
{
    uint32_t words[SHA256_ROUNDS];
    uint32_t s[8];
    for (unsigned i = 0; i < 16; i++) {
        const unsigned char *at = hash->block + (size_t)4 * i;
        words[i] =
            (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
    }
    for (unsigned i = 16; i < SHA256_ROUNDS; i++) {
        uint32_t early = words[i - 15];
        uint32_t late = words[i - 2];
        words[i] = words[i - 16] + words[i - 7] +
                   (turned(early, 7) ^ turned(early, 18) ^ (early >> 3)) +
                   (turned(late, 17) ^ turned(late, 19) ^ (late >> 10));
    }
    memcpy(s, hash->state, sizeof(s));
    for (unsigned i = 0; i < SHA256_ROUNDS; i++) {
        uint32_t first = s[7] + (turned(s[4], 6) ^ turned(s[4], 11) ^ turned(s[4], 25)) +
                         ((s[4] & s[5]) ^ (~s[4] & s[6])) + round_constants[i] + words[i];
        uint32_t second = (turned(s[0], 2) ^ turned(s[0], 13) ^ turned(s[0], 22)) +
                          ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += first;
        s[0] = first + second;
    }
    for (unsigned i = 0; i < 8; i++) {
        hash->state[i] += s[i];
    }
}

void sha256_begin(struct sha256 *hash)
{
    *hash = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                      0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    while (size != 0) {
        size_t used = hash->size_bytes % SHA256_BLOCK_BYTES;
        size_t part = SHA256_BLOCK_BYTES - used < size ? SHA256_BLOCK_BYTES - used : size;
        memcpy(hash->block + used, from, part);
        hash->size_bytes += part;
        from += part;
        size -= part;
        if (used + part == SHA256_BLOCK_BYTES) {
            take_block(hash);
        }
    }
}

void sha256_add_string(struct sha256 *hash, const char *string)
{
    const char *content = string != NULL ? string : "";
    sha256_add(hash, content, strlen(content) + 1);
}

void sha256_end(struct sha256 *hash, char hex[SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    static const unsigned char one_bit = 0x80;
    static const unsigned char zero = 0;
    uint64_t size_bits = hash->size_bytes * 8u;
    unsigned char length[8];
    for (unsigned i = 0; i < 8; i++) {
        length[i] = (unsigned char)(size_bits >> (56u - 8u * i));
    }
    sha256_add(hash, &one_bit, 1);
    while (hash->size_bytes % SHA256_BLOCK_BYTES != SHA256_LENGTH_AT) {
        sha256_add(hash, &zero, 1);
    }
    sha256_add(hash, length, sizeof(length));
    for (unsigned i = 0; i < SHA256_HEX_SIZE - 1; i++) {
        hex[i] = digits[(hash->state[i / 8] >> (28u - 4u * (i % 8))) & 15u];
    }
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
