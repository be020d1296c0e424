// SPDX-License-Identifier: Apache-2.0
// Messages: binding, and the copies on their way.
#include "variant.hpp"
#include <algorithm>
#include <cstring>

namespace
{

bool handles_fit(const nk_message &message, rtl_size_t fixed_size)
{
    return nk_msg_ncaps(&message) <= NK_MESSAGE_HANDLES_MAX &&
           sizeof message + nk_msg_ncaps(&message) * sizeof(nk_handle_desc_t) <= fixed_size;
}

bool is_sound(const SMsgHdr *header)
{
    return header != nullptr && header->immSize == 0 && header->indirDescs[0].buf != nullptr &&
           header->indirDescs[0].size >= sizeof(nk_message) &&
           (header->indirDescs[1].buf != nullptr || header->indirDescs[1].size == 0);
}

std::vector<nk_uint8_t> copy_of(const IndirDesc &part)
{
    const auto *start = static_cast<const nk_uint8_t *>(part.buf);
    return start == nullptr ? std::vector<nk_uint8_t>{}
                            : std::vector<nk_uint8_t>(start, start + part.size);
}

nk_err_t bind_header(SMsgHdr *header, nk_message *msg, const nk_arena *arena, bool outgoing)
{
    if (header == nullptr) {
        return NK_EINVAL;
    }
    *header = SMsgHdr{};
    if (msg == nullptr) {
        return NK_EINVAL;
    }
    const rtl_uint32_t size = msg->ex.size_ex;
    if (size < sizeof *msg || size > NK_MESSAGE_SIZE_MAX ||
        (outgoing && !handles_fit(*msg, size))) {
        return NK_EBADMSG;
    }
    IndirDesc parts[2] = {{msg, size}, {nullptr, 0}};
    if (arena != nullptr && arena->start != nullptr) {
        const std::ptrdiff_t bytes = (outgoing ? arena->current : arena->end) - arena->start;
        if (bytes < 0 || bytes > static_cast<std::ptrdiff_t>(NK_MESSAGE_SIZE_MAX)) {
            return NK_EBADMSG;
        }
        parts[1] = {arena->start, static_cast<rtl_uint32_t>(bytes)};
    }
    std::copy(parts, parts + 2, header->indirDescs);
    return NK_EOK;
}

} // namespace

extern "C" nk_err_t PackInMsg(SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    return bind_header(uMsg, msg, arena, false);
}

extern "C" nk_err_t PackOutMsg(SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    return bind_header(uMsg, msg, arena, true);
}

namespace variant
{

namespace
{

bool belongs_to(const Object &object, const Port *port)
{
    const auto *listener = dynamic_cast<const Listener *>(&object);
    const auto *server = dynamic_cast<const Server *>(&object);
    return (listener != nullptr && listener->port.get() == port) ||
           (server != nullptr && server->port.get() == port);
}

} // namespace

void check_room(const SMsgHdr *header)
{
    if (!is_sound(header)) {
        throw Error{rcInvalidArgument};
    }
}

Message::Message(const SMsgHdr *header, const Port *home)
{
    check_room(header);
    if (header->indirDescs[0].size > NK_MESSAGE_SIZE_MAX ||
        header->indirDescs[1].size > NK_MESSAGE_SIZE_MAX - header->indirDescs[0].size) {
        throw Error{rcBufferTooLarge};
    }
    fixed = copy_of(header->indirDescs[0]);
    arena = copy_of(header->indirDescs[1]);
    trace_id = header->traceId;
    span_id = header->spanId;
    nk_message start;
    std::memcpy(&start, fixed.data(), sizeof start);
    if (!handles_fit(start, fixed.size())) {
        throw Error{rcInvalidArgument};
    }
    for (rtl_size_t i = 0; i < nk_msg_ncaps(&start); i++) {
        nk_handle_desc_t desc;
        std::memcpy(&desc, fixed.data() + sizeof start + i * sizeof desc, sizeof desc);
        Table::Entry entry = table().find(desc.handle);
        if ((entry.rights & OCAP_HANDLE_TRANSFER) == 0) {
            throw Error{rcSecurityDisallow};
        }
        const bool counted = home == nullptr || !belongs_to(*entry.object, home);
        names.emplace_back(std::move(entry.object), entry.rights & desc.rights, counted);
    }
}

void Message::unpack(SMsgHdr *header)
{
    std::vector<Handle> given;
    given.reserve(names.size());
    try {
        for (const Name &name : names) {
            const Handle handle = table().add(Name(name.object, name.rights));
            const nk_handle_desc_t desc = {handle, name.rights, 0};
            std::memcpy(fixed.data() + sizeof(nk_message) + given.size() * sizeof desc, &desc,
                        sizeof desc);
            given.push_back(handle);
        }
    } catch (...) {
        for (const Handle handle : given) {
            table().remove(handle);
        }
        throw;
    }
    nk_message start;
    std::memcpy(&start, fixed.data(), sizeof start);
    start.ex.size_ex = static_cast<nk_uint32_t>(fixed.size());
    std::memcpy(fixed.data(), &start, sizeof start);
    std::copy(fixed.begin(), fixed.end(), static_cast<nk_uint8_t *>(header->indirDescs[0].buf));
    std::copy(arena.begin(), arena.end(), static_cast<nk_uint8_t *>(header->indirDescs[1].buf));
    header->traceId = trace_id;
    header->spanId = span_id;
    header->indirDescs[0].size = static_cast<rtl_uint32_t>(fixed.size());
    header->indirDescs[1].size = static_cast<rtl_uint32_t>(arena.size());
}

} // namespace variant
