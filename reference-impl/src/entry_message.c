/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions of services/rtl/nk_msg.h. They only look at the caller's memory: no lock. */
#include "public.h"

#include <string.h>

/* `used` is one past the last byte that counts. */
static nk_err_t pack(SMsgHdr *header, nk_message *msg, nk_uint8_t *start, const nk_uint8_t *used)
{
    memset(header, 0, sizeof *header);
    header->replyHandle = INVALID_HANDLE;
    if (msg->ex.size_ex < sizeof *msg || msg->ex.size_ex > NK_MESSAGE_SIZE_MAX || start > used ||
        (start == NULL && used != NULL) || used - start > (ptrdiff_t)NK_MESSAGE_SIZE_MAX) {
        memset(header, 0, sizeof *header);
        return NK_EBADMSG;
    }
    header->indirDescs[0].buf = msg;
    header->indirDescs[0].size = msg->ex.size_ex;
    if (used > start) {
        header->indirDescs[1].buf = start;
        header->indirDescs[1].size = (rtl_uint32_t)(used - start);
    }
    return NK_EOK;
}

/* Both forms refuse null pointers. */
static nk_err_t check_pointers(SMsgHdr *header, const nk_message *msg)
{
    if (header != NULL && msg == NULL) {
        memset(header, 0, sizeof *header);
    }
    return header == NULL || msg == NULL ? NK_EINVAL : NK_EOK;
}

nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    nk_err_t error = check_pointers(uMsg, msg);
    if (error != NK_EOK) {
        return error;
    }
    return arena == NULL ? pack(uMsg, msg, NULL, NULL) : pack(uMsg, msg, arena->start, arena->end);
}

nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    nk_err_t error = check_pointers(uMsg, msg);
    if (error != NK_EOK) {
        return error;
    }
    error =
        arena == NULL ? pack(uMsg, msg, NULL, NULL) : pack(uMsg, msg, arena->start, arena->current);
    if (error == NK_EOK && (msg->ncaps > NK_MESSAGE_HANDLES_MAX ||
                            msg->ncaps * sizeof(nk_handle_desc_t) > msg->ex.size_ex - sizeof *msg ||
                            (arena != NULL && arena->current > arena->end))) {
        memset(uMsg, 0, sizeof *uMsg);
        error = NK_EBADMSG;
    }
    return error;
}
