/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as it crosses a stream that others may write to as well: cut into fragments, each of them
 * one line and one write, small enough that a pipe does not mix it with other writers.
 *
 *   @cts:NONCE:SEQUENCE:MORE:LENGTH:CHECKSUM:PAYLOAD\n
 *
 * NONCE     32 hexadecimal digits that ipc-cts made for this one worker
 * SEQUENCE  8 digits: the number of the fragment, from 0, without a gap
 * MORE      '+' when the record goes on in the next fragment, '.' when this is its end
 * LENGTH    3 digits: bytes of payload
 * CHECKSUM  8 digits: CRC-32 (polynomial 0xedb88320) of "SEQUENCE:MORE:LENGTH:" and the payload
 *
 * The first byte of a record says what it is. What a library prints can neither be taken for a record
 * by accident nor damage one unnoticed. A library that wants to deceive could: it shares the worker's
 * memory, as it does with the shared log.
 */
#ifndef CTS_STREAM_RECORD_H
#define CTS_STREAM_RECORD_H

#include <stddef.h>
#include <stdint.h>

#define CTS_STREAM_MARK "@cts:"
#define CTS_STREAM_NONCE_LENGTH 32u
/* "SEQUENCE:MORE:LENGTH:", and the checksum with its colon after it. */
#define CTS_STREAM_HEAD_LENGTH 15u
#define CTS_STREAM_CHECKSUM_LENGTH 9u
#define CTS_STREAM_PAYLOAD_MAX 400u /* a fragment then fits in 512 bytes, the least PIPE_BUF */

enum cts_stream_kind {
    CTS_STREAM_HELLO = 'H', /* the worker runs; nothing follows */
    CTS_STREAM_LINE = 'L',  /* a line of JSON follows */
    CTS_STREAM_EXIT = 'X'   /* the exit status follows in decimal; the last record */
};

/* Begin with 0; feed in any number of pieces. */
static inline uint32_t cts_stream_checksum(uint32_t sum, const char *bytes, size_t size)
{
    sum = ~sum;
    for (size_t i = 0; i < size; i++) {
        sum ^= (unsigned char)bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            sum = (sum >> 1) ^ ((sum & 1u) != 0 ? 0xedb88320u : 0u);
        }
    }
    return ~sum;
}

#endif
