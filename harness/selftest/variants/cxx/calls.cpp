// SPDX-License-Identifier: Apache-2.0
// The system calls: who waits, who meets whom, and who is answered.
#include "variant.hpp"
#include <algorithm>
#include <unistd.h>

namespace variant
{

namespace
{

std::atomic<Tid> last_number{0};

Tid next_number()
{
    Tid number = ++last_number;
    return number != 0 ? number : ++last_number;
}

bool fits(const Message &message, const Wait &receiver)
{
    return message.fixed.size() <= receiver.fixed_room &&
           message.arena.size() <= receiver.arena_room;
}

// Leaves the sync object in the end, when the port's lock has been let go.
struct Leaving {
    const std::shared_ptr<Sync> &sync;
    const WaitPtr &wait;
    ~Leaving()
    {
        if (sync != nullptr) {
            sync->leave(wait);
        }
    }
};

} // namespace

bool Wait::interrupt(Retcode with)
{
    const std::lock_guard<std::mutex> lock(port->mutex);
    if (state != State::waiting) {
        return false;
    }
    const auto is_this = [this](const WaitPtr &wait) { return wait.get() == this; };
    port->calls_.remove_if(is_this);
    port->receivers_.remove_if(is_this);
    state = State::over;
    rc = with;
    changed.notify_one();
    return true;
}

void Port::end(const WaitPtr &wait, Retcode rc)
{
    calls_.remove(wait);
    receivers_.remove(wait);
    taken_.remove(wait);
    wait->state = Wait::State::over;
    wait->rc = rc;
    wait->changed.notify_one();
}

// The newest receiver is the first.
WaitPtr Port::receiver_for(const WaitPtr &call) const
{
    const auto found =
        std::find_if(receivers_.rbegin(), receivers_.rend(), [&](const WaitPtr &receiver) {
            return receiver->channel == nullptr || receiver->channel == call->channel;
        });
    return found != receivers_.rend() ? *found : nullptr;
}

WaitPtr Port::call_for(const WaitPtr &receiver) const
{
    const auto found = std::find_if(calls_.begin(), calls_.end(), [&](const WaitPtr &call) {
        return receiver->channel == nullptr || receiver->channel == call->channel;
    });
    return found != calls_.end() ? *found : nullptr;
}

// The rendezvous. When the message does not fit, both calls end.
void Port::meet(WaitPtr call, WaitPtr receiver)
{
    if (!fits(call->request, *receiver)) {
        end(call, rcBufferTooSmall);
        end(receiver, rcBufferTooSmall);
        return;
    }
    calls_.remove(call);
    taken_.push_back(call);
    call->state = Wait::State::taken;
    receiver->number = call->number;
    receiver->result = std::move(call->request);
    end(receiver, rcOk);
}

void Port::sleep(std::unique_lock<std::mutex> &lock, const WaitPtr &wait, const Deadline &deadline)
{
    const auto is_over = [&] { return wait->state == Wait::State::over; };
    if (!deadline) {
        wait->changed.wait(lock, is_over);
    } else if (!wait->changed.wait_until(lock, *deadline, is_over)) {
        if (wait->state == Wait::State::taken) {
            wait->abandoned = true; // stays in taken_, for the Reply that comes too late
            wait->rc = rcTimeout;
        } else {
            end(wait, rcTimeout);
        }
    }
}

Retcode Port::call(const WaitPtr &call, const std::shared_ptr<Sync> &sync, Retcode sync_error,
                   const Deadline &deadline)
{
    const Leaving leaving{sync, call};
    std::unique_lock<std::mutex> lock(mutex);
    if (!listener_open_ && !call->channel->server_open) {
        return rcNotConnected;
    }
    if (const WaitPtr receiver = receiver_for(call)) {
        meet(call, receiver);
    } else if (sync_error != rcOk) {
        return sync_error;
    } else if (sync != nullptr && !sync->enter(call)) {
        return rcIpcInterrupt;
    } else {
        calls_.push_back(call);
    }
    sleep(lock, call, deadline);
    return call->rc;
}

Retcode Port::receive(const WaitPtr &receiver, const std::shared_ptr<Sync> &sync,
                      Retcode sync_error, const Deadline &deadline)
{
    const Leaving leaving{sync, receiver};
    std::unique_lock<std::mutex> lock(mutex);
    if (receiver->channel != nullptr ? !receiver->channel->server_open : !listener_open_) {
        return rcNotConnected;
    }
    if (const WaitPtr call = call_for(receiver)) {
        meet(call, receiver);
    } else if (sync_error != rcOk) {
        return sync_error;
    } else if (sync != nullptr && !sync->enter(receiver)) {
        return rcIpcInterrupt;
    } else {
        receivers_.push_back(receiver);
    }
    sleep(lock, receiver, deadline);
    return receiver->rc;
}

Retcode Port::reply(const std::shared_ptr<Channel> &channel, Tid number, Message &message)
{
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = std::find_if(taken_.begin(), taken_.end(), [&](const WaitPtr &call) {
        return (channel == nullptr || call->channel == channel) &&
               (number == 0 || call->number == number);
    });
    if (found == taken_.end()) {
        return rcNotReady;
    }
    const WaitPtr call = *found;
    if (call->abandoned) {
        taken_.remove(call);
        return rcFail;
    }
    const Retcode rc = fits(message, *call) ? rcOk : rcBufferTooSmall;
    if (rc == rcOk) {
        call->result = std::move(message);
    }
    end(call, rc);
    return rc;
}

void Port::fail(Tid number, Retcode rc)
{
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = std::find_if(taken_.begin(), taken_.end(),
                                    [&](const WaitPtr &call) { return call->number == number; });
    if (found != taken_.end()) {
        end(WaitPtr(*found), rc);
    }
}

// End the calls that nobody can receive or answer any more.
void Port::end_orphans()
{
    const auto collect = [this](const std::list<WaitPtr> &from) {
        std::list<WaitPtr> orphans;
        std::copy_if(from.begin(), from.end(), std::back_inserter(orphans),
                     [&](const WaitPtr &w) { return !listener_open_ && !w->channel->server_open; });
        return orphans;
    };
    for (const std::list<WaitPtr> &from : {collect(calls_), collect(taken_)}) {
        for (const WaitPtr &call : from) {
            end(call, rcNotConnected);
        }
    }
}

void Port::close_listener()
{
    const std::lock_guard<std::mutex> lock(mutex);
    listener_open_ = false;
    for (const WaitPtr &receiver : std::list<WaitPtr>(receivers_)) {
        if (receiver->channel == nullptr) {
            end(receiver, rcNotConnected);
        }
    }
    end_orphans();
}

void Port::close_server(const std::shared_ptr<Channel> &channel)
{
    const std::lock_guard<std::mutex> lock(mutex);
    channel->server_open = false;
    for (const WaitPtr &receiver : std::list<WaitPtr>(receivers_)) {
        if (receiver->channel == channel) {
            end(receiver, rcNotConnected);
        }
    }
    end_orphans();
}

namespace
{

// A server or listener handle: where to receive, and from which channel.
struct End {
    ObjectPtr object;
    std::shared_ptr<Port> port;
    std::shared_ptr<Channel> channel;
};

End server_end(Handle handle)
{
    if (std::dynamic_pointer_cast<Listener>(table().find(handle).object) != nullptr) {
        const auto listener = table().get<Listener>(handle, OCAP_IPC_RECV);
        return {listener, listener->port, nullptr};
    }
    const auto server = table().get<Server>(handle, OCAP_IPC_RECV);
    return {server, server->port, server->channel};
}

// A sync handle that is none is an error only of a call that has to wait.
std::shared_ptr<Sync> find_sync(Handle handle, Retcode &error)
{
    std::shared_ptr<Sync> sync;
    error = guarded([&] {
        if (handle != INVALID_HANDLE) {
            sync = table().get<Sync>(handle, OCAP_IPC_INTERRUPT);
        }
        return rcOk;
    });
    return sync;
}

Port::Deadline deadline_after(rtl_uint32_t mdelay)
{
    if (mdelay == INFINITE_TIMEOUT) {
        return std::nullopt;
    }
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(mdelay);
}

void set_room(Wait &wait, const SMsgHdr *header)
{
    wait.fixed_room = header->indirDescs[0].size;
    wait.arena_room = header->indirDescs[1].size;
}

Retcode call_ex(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
                Handle syncHandle)
{
    const Port::Deadline deadline = deadline_after(mdelay);
    check_room(msgIn);
    const auto client = table().get<Client>(handle, OCAP_IPC_CALL);
    Retcode sync_error;
    const auto sync = find_sync(syncHandle, sync_error);
    const auto call = std::make_shared<Wait>(client->port);
    call->channel = client->channel;
    call->number = next_number();
    call->request = Message(msgOut, client->port.get());
    set_room(*call, msgIn);
    const Retcode rc = client->port->call(call, sync, sync_error, deadline);
    if (rc == rcOk) {
        call->result.unpack(msgIn);
    }
    return rc;
}

Retcode recv_ex(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    const Port::Deadline deadline = deadline_after(mdelay);
    check_room(msgIn);
    const End end = server_end(handle);
    Retcode sync_error;
    const auto sync = find_sync(syncHandle, sync_error);
    const auto receiver = std::make_shared<Wait>(end.port);
    receiver->channel = end.channel;
    set_room(*receiver, msgIn);
    Retcode rc = end.port->receive(receiver, sync, sync_error, deadline);
    if (rc != rcOk) {
        return rc;
    }
    rc = guarded([&] {
        receiver->result.unpack(msgIn);
        return rcOk;
    });
    if (rc != rcOk) {
        end.port->fail(receiver->number, rc);
        return rc;
    }
    msgIn->replyHandle = handle;
    msgIn->sender = static_cast<TaskId>(getpid());
    msgIn->threadId = receiver->number;
    return rcOk;
}

} // namespace

} // namespace variant

extern "C" Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
                          Handle syncHandle)
{
    return variant::guarded(
        [&] { return variant::call_ex(handle, msgOut, msgIn, mdelay, syncHandle); });
}

extern "C" Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

extern "C" Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    return variant::guarded([&] { return variant::recv_ex(handle, msgIn, mdelay, syncHandle); });
}

extern "C" Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

extern "C" Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    return variant::guarded([&] {
        const variant::End end = variant::server_end(handle);
        variant::Message message(msgOut, nullptr);
        return end.port->reply(end.channel, msgOut->threadId, message);
    });
}
