/* SPDX-License-Identifier: Apache-2.0 */
/* Binding of messages to headers; all blind libraries use it. */
#include <services/rtl/nk_msg.h>
#include <string.h>

static nk_err_t bind_fixed(struct SSMsgHdr *header, nk_message *msg)
{
    if (header != NULL) {
        memset(header, 0, sizeof *header);
    }
    if (header == NULL || msg == NULL) {
        return NK_EINVAL;
    }
    if (msg->ex.size_ex < sizeof *msg || msg->ex.size_ex > NK_MESSAGE_SIZE_MAX) {
        return NK_EBADMSG;
    }
    header->indirDescs[0].buf = msg;
    header->indirDescs[0].size = msg->ex.size_ex;
    return NK_EOK;
}

nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    nk_err_t err = bind_fixed(uMsg, msg);
    if (err == NK_EOK && arena != NULL) {
        uMsg->indirDescs[1].buf = arena->start;
        uMsg->indirDescs[1].size = (rtl_uint32_t)(arena->end - arena->start);
    }
    return err;
}

nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    nk_err_t err = bind_fixed(uMsg, msg);
    if (err != NK_EOK) {
        return err;
    }
    if (sizeof *msg + msg->ncaps * sizeof(nk_handle_desc_t) > msg->ex.size_ex) {
        memset(uMsg, 0, sizeof *uMsg);
        return NK_EBADMSG;
    }
    if (arena != NULL) {
        uMsg->indirDescs[1].buf = arena->start;
        uMsg->indirDescs[1].size = nk_arena_allocated_size(arena);
    }
    return NK_EOK;
}
