// SPDX-License-Identifier: Apache-2.0
// Handles, channels and sync objects.
#include "variant.hpp"
#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>

namespace variant
{

Name::Name(ObjectPtr object_, rtl_uint32_t rights_, bool counted)
    : object(std::move(object_)), rights(rights_), counted_(counted)
{
    if (counted_) {
        object->name_count++;
    }
}

Name::Name(Name &&other) noexcept
    : object(std::move(other.object)), rights(other.rights), counted_(other.counted_)
{
    other.counted_ = false;
}

Name::~Name()
{
    if (counted_ && --object->name_count == 0) {
        object->unnamed();
    }
}

Table &table()
{
    static Table &the_table = *new Table;
    return the_table;
}

Table::Entry Table::find(Handle handle)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = names_.find(handle);
    if (found == names_.end()) {
        throw Error{rcResourceNotFound};
    }
    return {found->second.object, found->second.rights};
}

Handle Table::add(Name name)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    for (;;) {
        const auto handle = static_cast<Handle>(numbers_());
        if (handle != INVALID_HANDLE && names_.count(handle) == 0) {
            names_.emplace(handle, std::move(name));
            return handle;
        }
    }
}

void Table::remove(Handle handle)
{
    std::map<Handle, Name>::node_type gone; // destroyed after the lock is let go
    const std::lock_guard<std::mutex> lock(mutex_);
    gone = names_.extract(handle);
    if (gone.empty()) {
        throw Error{rcResourceNotFound};
    }
}

// Whoever waits with a closed object ends.
void Sync::unnamed()
{
    std::list<WaitPtr> waits;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        waits.swap(waits_);
    }
    for (const WaitPtr &wait : waits) {
        wait->interrupt(rcFail);
    }
}

// One that clears itself interrupts one waiter, if there is one, and is never seen set.
void Sync::set()
{
    std::list<WaitPtr> waits;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        set_ = !autoclear_;
        waits = waits_;
    }
    for (const WaitPtr &wait : waits) {
        if (wait->interrupt(rcIpcInterrupt) && autoclear_) {
            return;
        }
    }
}

void Sync::clear()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    set_ = false;
}

bool Sync::enter(const WaitPtr &wait)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    if (set_) {
        return false;
    }
    waits_.push_back(wait);
    return true;
}

void Sync::leave(const WaitPtr &wait)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    waits_.remove(wait);
}

} // namespace variant

using variant::Error;
using variant::guarded;
using variant::Name;
using variant::table;

namespace
{

template <typename Pointer> void need(Pointer pointer)
{
    if (pointer == nullptr) {
        throw Error{rcInvalidArgument};
    }
}

Retcode create_sync(bool autoclear, Handle *handle)
{
    need(handle);
    *handle = table().add(Name(std::make_shared<variant::Sync>(autoclear), OCAP_IPC_SYNC_OBJECT));
    return rcOk;
}

// Handles that are taken back unless all of them come to be.
class Given
{
  public:
    Given() = default;
    Given(const Given &) = delete;
    Given &operator=(const Given &) = delete;
    ~Given()
    {
        for (const Handle handle : handles_) {
            guarded([handle] {
                table().remove(handle);
                return rcOk;
            });
        }
    }
    Handle add(variant::ObjectPtr object, rtl_uint32_t rights)
    {
        handles_.reserve(handles_.size() + 1);
        handles_.push_back(table().add(Name(std::move(object), rights)));
        return handles_.back();
    }
    void keep()
    {
        handles_.clear();
    }

  private:
    std::vector<Handle> handles_;
};

} // namespace

extern "C" Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                                   Handle *outClient)
{
    return guarded([&] {
        need(outServer);
        need(outClient);
        const bool is_new = inListener == INVALID_HANDLE;
        Given given;
        std::shared_ptr<variant::Port> port;
        Handle listener = inListener;
        if (is_new) {
            need(outListener);
            port = std::make_shared<variant::Port>();
            listener = given.add(std::make_shared<variant::Listener>(port), OCAP_IPC_LISTENER);
        } else {
            port = table().get<variant::Listener>(inListener, OCAP_IPC_CONNECT)->port;
        }
        auto channel = std::make_shared<variant::Channel>();
        const Handle server =
            given.add(std::make_shared<variant::Server>(port, channel), OCAP_IPC_SERVER);
        const Handle client =
            given.add(std::make_shared<variant::Client>(port, channel), OCAP_IPC_CLIENT);
        given.keep();
        if (outListener != nullptr) {
            *outListener = listener;
        }
        *outServer = server;
        *outClient = client;
        return rcOk;
    });
}

extern "C" Retcode KnHandleClose(Handle handle)
{
    return guarded([&] {
        table().remove(handle);
        return rcOk;
    });
}

extern "C" Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                                Handle *outHandle)
{
    return guarded([&] {
        need(outHandle);
        variant::Table::Entry entry = table().find(inHandle);
        if (copyBadge != INVALID_HANDLE) {
            throw Error{rcUnimplemented};
        }
        if ((entry.rights & OCAP_HANDLE_COPY) == 0 || (newRightsMask & ~entry.rights) != 0) {
            throw Error{rcNoCapability};
        }
        *outHandle = table().add(Name(std::move(entry.object), newRightsMask));
        return rcOk;
    });
}

extern "C" Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    return guarded([&] { return create_sync(false, syncHandle); });
}

extern "C" Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle)
{
    return guarded([&] { return create_sync(autoclear != 0, syncHandle); });
}

extern "C" Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    return guarded([&] {
        table().get<variant::Sync>(syncHandle, OCAP_IPC_INTERRUPT)->set();
        return rcOk;
    });
}

extern "C" Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    return guarded([&] {
        table().get<variant::Sync>(syncHandle, OCAP_IPC_INTERRUPT)->clear();
        return rcOk;
    });
}
