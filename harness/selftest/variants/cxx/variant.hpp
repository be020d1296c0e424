// SPDX-License-Identifier: Apache-2.0
//
// The interface on what the C++17 standard library has: std::mutex, std::condition_variable on
// steady_clock, shared pointers.
//
// Locks, in the order in which they may be held together: a port's, then a sync object's; the table's
// is taken alone. A wait belongs to a port, whose lock guards it; whoever holds that lock gives it its
// one outcome. Names keep objects open and may close one when they are destroyed, so no name is
// destroyed while a lock is held: messages, which hold names, outlive the locks around them.
#ifndef VARIANT_CXX_VARIANT_HPP
#define VARIANT_CXX_VARIANT_HPP

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <coresrv/syscalls.h>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <services/ocap.h>
#include <services/rtl/nk_msg.h>
#include <vector>

namespace variant
{

// How a function here says that it failed; guarded() turns it into the result of the interface.
struct Error {
    Retcode rc;
};

template <typename Body> Retcode guarded(Body body) noexcept
{
    try {
        return body();
    } catch (const Error &error) {
        return error.rc;
    } catch (const std::bad_alloc &) {
        return rcOutOfMemory;
    } catch (...) {
        return rcInternalError;
    }
}

class Object
{
  public:
    virtual ~Object() = default;
    // The last name is gone.
    virtual void unnamed()
    {
    }
    std::atomic<unsigned> name_count{0};
};
using ObjectPtr = std::shared_ptr<Object>;

// A handle's entry, or a handle on its way in a message. One that is not `counted` does not keep the
// object open.
class Name
{
  public:
    Name(ObjectPtr object, rtl_uint32_t rights, bool counted = true);
    Name(Name &&other) noexcept;
    Name(const Name &) = delete;
    Name &operator=(const Name &) = delete;
    Name &operator=(Name &&) = delete;
    ~Name();

    ObjectPtr object;
    rtl_uint32_t rights;

  private:
    bool counted_;
};

class Table
{
  public:
    struct Entry {
        ObjectPtr object;
        rtl_uint32_t rights;
    };
    // Throws rcResourceNotFound.
    Entry find(Handle handle);
    Handle add(Name name);
    void remove(Handle handle);

    // An object of that type with that right. Throws.
    template <typename Type> std::shared_ptr<Type> get(Handle handle, rtl_uint32_t right)
    {
        Entry entry = find(handle);
        auto object = std::dynamic_pointer_cast<Type>(entry.object);
        if (object == nullptr) {
            throw Error{rcUnimplemented};
        }
        if ((entry.rights & right) != right) {
            throw Error{rcNoCapability};
        }
        return object;
    }

  private:
    std::mutex mutex_;
    std::map<Handle, Name> names_;
    std::minstd_rand numbers_{20}; // handles are scattered over all values
};

// Lives as long as the process: a thread may still be in a call when the program ends.
Table &table();

class Port;
class Sync;
struct Channel;

struct Message {
    std::vector<nk_uint8_t> fixed;
    std::vector<nk_uint8_t> arena;
    rtl_uint64_t trace_id = 0;
    rtl_uint64_t span_id = 0;
    std::vector<Name> names;

    Message() = default;
    // Copies what the header describes and takes hold of the handles in it. The ends of `home`, the port
    // where the message will wait, are not kept open by it. Throws.
    Message(const SMsgHdr *header, const Port *home);
    // Copies to the buffers of the header, which are large enough, and gives out the handles. Throws
    // before anything is written.
    void unpack(SMsgHdr *header);
};

// Throws unless a message can be received with it.
void check_room(const SMsgHdr *header);

struct Wait {
    enum class State { waiting, taken, over };

    explicit Wait(std::shared_ptr<Port> port_) : port(std::move(port_))
    {
    }
    // Give a waiting one its outcome; false when it has one already, or is taken.
    bool interrupt(Retcode with);

    const std::shared_ptr<Port> port;
    std::shared_ptr<Channel>
        channel; // calls: through which; receives: the only one, or null for all
    std::condition_variable changed;
    State state = State::waiting;
    Retcode rc = rcOk;
    bool abandoned = false; // taken, and its caller has gone
    Tid number = 0;
    rtl_uint32_t fixed_room = 0;
    rtl_uint32_t arena_room = 0;
    Message request; // calls, until taken
    Message result;  // what has come
};
using WaitPtr = std::shared_ptr<Wait>;

class Sync : public Object
{
  public:
    explicit Sync(bool autoclear) : autoclear_(autoclear)
    {
    }
    void unnamed() override;
    void set();
    void clear();
    // From now on Set interrupts the wait. False: it is interrupted already.
    bool enter(const WaitPtr &wait);
    void leave(const WaitPtr &wait);

  private:
    std::mutex mutex_;
    std::list<WaitPtr> waits_;
    bool set_ = false;
    const bool autoclear_;
};

// A channel of a port. Its server end takes its requests only, the listener those of all channels.
struct Channel {
    bool server_open = true; // under the port's lock
};

class Port
{
  public:
    using Deadline = std::optional<std::chrono::steady_clock::time_point>;

    // Sends, waits, and gives the outcome. `sync_error` is thrown when the call would have to wait.
    Retcode call(const WaitPtr &call, const std::shared_ptr<Sync> &sync, Retcode sync_error,
                 const Deadline &deadline);
    Retcode receive(const WaitPtr &receiver, const std::shared_ptr<Sync> &sync, Retcode sync_error,
                    const Deadline &deadline);
    Retcode reply(const std::shared_ptr<Channel> &channel, Tid number, Message &message);
    // The server could not keep what it has taken.
    void fail(Tid number, Retcode rc);

    void close_listener();
    void close_server(const std::shared_ptr<Channel> &channel);

    std::mutex mutex;

  private:
    friend struct Wait;
    void end(const WaitPtr &wait, Retcode rc);
    void end_orphans();
    void meet(WaitPtr call, WaitPtr receiver);
    WaitPtr receiver_for(const WaitPtr &call) const;
    WaitPtr call_for(const WaitPtr &receiver) const;
    void sleep(std::unique_lock<std::mutex> &lock, const WaitPtr &wait, const Deadline &deadline);

    bool listener_open_ = true;
    std::list<WaitPtr> calls_;
    std::list<WaitPtr> receivers_;
    std::list<WaitPtr> taken_;
};

struct Listener : Object {
    explicit Listener(std::shared_ptr<Port> port_) : port(std::move(port_))
    {
    }
    void unnamed() override
    {
        port->close_listener();
    }
    const std::shared_ptr<Port> port;
};

struct Server : Object {
    Server(std::shared_ptr<Port> port_, std::shared_ptr<Channel> channel_)
        : port(std::move(port_)), channel(std::move(channel_))
    {
    }
    void unnamed() override
    {
        port->close_server(channel);
    }
    const std::shared_ptr<Port> port;
    const std::shared_ptr<Channel> channel;
};

struct Client : Object {
    Client(std::shared_ptr<Port> port_, std::shared_ptr<Channel> channel_)
        : port(std::move(port_)), channel(std::move(channel_))
    {
    }
    const std::shared_ptr<Port> port;
    const std::shared_ptr<Channel> channel;
};

} // namespace variant

#endif
