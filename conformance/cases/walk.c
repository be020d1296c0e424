/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks: random programs, one step at a time. What a step must bring about, an interruption, a request that is taken,
 * a call that comes back, is waited for before the next one, so what a walk finds needs no luck in time; and the history
 * goes through the model. Other cases look at what somebody thought of; a walk passes through states that nobody did.
 *
 * Each walk keeps to the calls that its requirement is about. What the documents leave open is not done: Close of
 * an object in use, a second receive of a thread that owes a Reply, a Reply to a call that has timed out.
 */
#include <cts/cts.h>

/* variant: what is done besides calls with an object, receives, replies, Set and Clear. */
enum {
    NO_OBJECT = 1 << 0,    /* waits without an object: Call, Recv, and Ex with INVALID_HANDLE */
    LISTENER = 1 << 1,     /* receives on the listener; in one process two channels share it */
    RENEW = 1 << 2,        /* an object that nobody uses is closed, and another made */
    REFUSED = 1 << 3,      /* a request with an object goes to a server that waits */
    LIMITS = 1 << 4,       /* waits whose limit passes */
    OWN_SET = 1 << 5,      /* the threads that call and receive set and clear, too */
    AUTOCLEAR = 1 << 6,    /* every second object clears itself */
    MANY_OBJECTS = 1 << 7, /* of each process: six, not two */
    THIRD = 1 << 8,        /* one more process with clients */
    CALLS = 1 << 9,        /* mostly clients act: requests queue up, and are held for long */
    RECEIVES = 1 << 10,    /* mostly servers: receives wait together */
};
enum {
    STEPS = 240,
    LIMIT_MS = 20,
    LIMITS_MAX = 3, /* they take real time */
    LINKS = 2,
    OBJECTS_FEW = 2,
    OBJECTS_MAX = 6,
    CLIENTS = 4, /* with the servers fewer than CTS_SURELY_ROOM_FOR */
    SERVERS = 3,
    MEMBERS = CLIENTS + SERVERS,
    SIDES = 3,
    ARENA_BYTES = 1000,
};

/* A process, and a thread that never waits. */
struct side {
    struct cts_process *process;
    struct cts_actor *setter;
    Handle objects[OBJECTS_MAX];
    bool is_set[OBJECTS_MAX];
    bool is_plain[OBJECTS_MAX];
    int object_count;
};

/* A thread that waits, as a client or as a server. */
struct member {
    struct cts_actor *actor;
    struct side *side;
    bool serves;
    struct cts_op *op;   /* what it does; null: nothing */
    struct cts_op *owes; /* the receive whose request it has not answered */
    int link;            /* of op */
    int object;          /* of op; -1: none */
    bool on_listener;    /* op receives on the listener */
};

struct walk {
    unsigned what;
    rtl_uint32_t mdelay;
    struct side sides[SIDES];
    int side_count;
    struct cts_link links[LINKS];
    struct side *client_sides[LINKS];
    struct member members[MEMBERS];
    struct cts_actor *helper_clients[LINKS]; /* for those who wait at the end */
    struct cts_actor *helper_servers[LINKS];
    struct cts_op *last_call; /* of a helper */
    int limits;
};

static bool one_in(rtl_uint32_t count)
{
    return cts_random(count) == 0;
}

/* ------------------------------------------------------------------------------------------------
 * The scene.
 */

static void object_new(const struct walk *w, struct side *side, int index)
{
    side->is_set[index] = false;
    side->is_plain[index] = (w->what & AUTOCLEAR) == 0 || one_in(2);
    if (side->is_plain[index]) {
        side->objects[index] = cts_sync_new(side->process);
    } else {
        side->objects[index] = cts_autoclear_new(side->setter);
    }
}

static struct side *side_open(struct walk *w, struct cts_process *process)
{
    for (int i = 0; i < w->side_count; i++) {
        if (w->sides[i].process == process) {
            return &w->sides[i];
        }
    }
    struct side *side = &w->sides[w->side_count++];
    side->process = process;
    side->setter = cts_actor_new(process, "setter");
    side->object_count = w->what & MANY_OBJECTS ? OBJECTS_MAX : OBJECTS_FEW;
    for (int i = 0; i < side->object_count; i++) {
        object_new(w, side, i);
    }
    return side;
}

static void walk_open(const struct cts_case *self, struct walk *w)
{
    *w = (struct walk){.what = (unsigned)self->variant, .mdelay = cts_mdelay(self)};
    w->links[0] = cts_link_open(self->layout);
    struct cts_process *servers = w->links[0].server_process;
    if (self->layout == CTS_ONE_PROCESS && (w->what & LISTENER) != 0) {
        w->links[1] = cts_link_add(&w->links[0]);
    } else {
        w->links[1] = cts_link_between(servers, w->what & THIRD ? cts_process_new()
                                                                : w->links[0].client_process);
    }
    for (int i = 0; i < LINKS; i++) {
        w->client_sides[i] = side_open(w, w->links[i].client_process);
        w->helper_clients[i] = cts_actor_new(w->links[i].client_process, "last client");
        w->helper_servers[i] = cts_actor_new(servers, "last server");
    }
    struct side *server_side = side_open(w, servers);
    for (int i = 0; i < MEMBERS; i++) {
        struct member *member = &w->members[i];
        member->serves = i >= CLIENTS;
        member->side = member->serves ? server_side : w->client_sides[i % LINKS];
        member->actor = cts_actor_new(member->side->process, member->serves ? "server" : "client");
    }
}

/* ------------------------------------------------------------------------------------------------
 * Who does what.
 */

/* Only an object that is set interrupts. Which waits with one that clears itself end is open. */
static bool may_be_interrupted(const struct member *member)
{
    int object = member->object;
    return object >= 0 && (!member->side->is_plain[object] || member->side->is_set[object]);
}

static void look(struct member *member)
{
    if (member->op != NULL && cts_returned(member->op)) {
        Retcode rc = cts_rc(member->op);
        cts_check_that(rc != rcIpcInterrupt || may_be_interrupted(member),
                       "a wait is interrupted through its own object, while that is set");
        if (member->serves && rc == rcOk) {
            cts_check_that(cts_request(member->op) != 0, "a receive that is rcOk has a request");
            member->owes = member->op;
        }
        member->op = NULL;
    }
}

static void look_at_all(struct walk *w)
{
    for (int i = 0; i < MEMBERS; i++) {
        look(&w->members[i]);
    }
}

/* Whether the server end of such a channel receives what came on the other one is not written anywhere. */
static bool share_listener(const struct walk *w)
{
    return w->links[0].listener == w->links[1].listener &&
           w->links[0].server_process == w->links[1].server_process;
}

/* Is the request of this client's call in the hands of a server? */
static bool is_taken(const struct walk *w, const struct member *client)
{
    for (int i = 0; i < MEMBERS; i++) {
        const struct cts_op *owes = w->members[i].owes;
        if (owes != NULL && cts_request(owes) == cts_request(client->op)) {
            return true;
        }
    }
    return false;
}

/* The ops of those who wait where `self` would meet them: servers, or clients that are queued. */
static int peers_of(struct walk *w, const struct member *self, struct cts_op **ops)
{
    int count = 0;
    for (int i = 0; i < MEMBERS; i++) {
        struct member *member = &w->members[i];
        bool on_listener = self->serves ? self->on_listener : member->on_listener;
        bool meet = member->link == self->link || (on_listener && share_listener(w));
        if (member->op != NULL && member->serves != self->serves && meet &&
            (member->serves || !is_taken(w, member))) {
            ops[count++] = member->op;
        }
    }
    return count;
}

/* Would the member meet somebody on this link? */
static bool has_peers(struct walk *w, const struct member *member, int link)
{
    struct cts_op *ops[MEMBERS];
    struct member there = *member;
    there.link = link;
    there.on_listener = share_listener(w);
    return peers_of(w, &there, ops) != 0;
}

/* Of the links that the member can use: in half of the steps one with a peer that waits. */
static int choose_link(struct walk *w, const struct member *member)
{
    int link = (int)cts_random(LINKS);
    if (!member->serves && w->client_sides[link] != member->side) {
        return 1 - link;
    }
    bool either = member->serves || w->client_sides[1 - link] == member->side;
    return either && one_in(2) && has_peers(w, member, 1 - link) ? 1 - link : link;
}

static void rest(struct walk *w)
{
    cts_settle();
    look_at_all(w);
}

static bool is_used(const struct walk *w, const struct side *side, int object)
{
    for (int i = 0; i < MEMBERS; i++) {
        const struct member *member = &w->members[i];
        if (member->op != NULL && member->side == side && member->object == object) {
            return true;
        }
    }
    return false;
}

/* Everybody who waits with the object, and is not being served, is interrupted. */
static void check_interrupted(struct walk *w, const struct side *side, int object)
{
    for (int i = 0; i < MEMBERS; i++) {
        struct member *member = &w->members[i];
        if (member->op != NULL && member->side == side && member->object == object &&
            (member->serves || !is_taken(w, member))) {
            cts_check_returned(member->op, rcIpcInterrupt);
            look(member);
        }
    }
}

/* Set, Clear, or a new object, by a thread of the side. */
static void step_object(struct walk *w, struct side *side, struct cts_actor *actor)
{
    int object = (int)cts_random((rtl_uint32_t)side->object_count);
    Handle handle = side->objects[object];
    if ((w->what & RENEW) != 0 && one_in(4) && !is_used(w, side, object)) {
        cts_check_returned(cts_start_close(actor, handle), rcOk);
        object_new(w, side, object);
    } else if (one_in(2)) {
        cts_check_returned(cts_start_set(actor, handle), rcOk);
        side->is_set[object] = true;
        if (side->is_plain[object]) {
            check_interrupted(w, side, object);
        } else {
            rest(w); /* whom it interrupts is open */
        }
    } else {
        cts_check_returned(cts_start_clear(actor, handle), rcOk);
        side->is_set[object] = false;
    }
}

static struct cts_message some_message(void)
{
    struct cts_message message = CTS_PLAIN;
    message.arena_bytes = one_in(3) ? cts_random(ARENA_BYTES) : 0;
    return message;
}

/* Somebody waits where the member does: one of them takes the other's request, or is on its way back already, as a
 * wait with an object that clears itself may be. */
static void meet(struct walk *w, struct member *member)
{
    struct cts_op *ops[MEMBERS + 1];
    bool has_met = false;
    for (int peers = peers_of(w, member, ops); peers != 0 && !has_met;) {
        ops[peers] = member->op;
        cts_wait_any(ops, (size_t)peers + 1);
        has_met = cts_returned(member->op);
        for (int i = 0; i < peers; i++) {
            has_met = has_met || (cts_returned(ops[i]) && cts_rc(ops[i]) == rcOk);
        }
        if (!has_met) {
            look_at_all(w);
            peers = peers_of(w, member, ops);
        }
    }
}

/* A wait has begun. It meets a peer that waits, or ends because its object is set; otherwise all is at rest. */
static void check_begun(struct walk *w, struct member *member)
{
    struct cts_op *ops[MEMBERS];
    bool is_set = member->object >= 0 && member->side->is_plain[member->object] &&
                  member->side->is_set[member->object];
    int peers = peers_of(w, member, ops);
    if (is_set && (member->serves || peers == 0)) {
        (void)cts_wait(member->op);
    } else {
        meet(w, member);
    }
    rest(w);
}

static void step_wait(struct walk *w, struct member *member)
{
    int link = choose_link(w, member);
    const struct cts_link *l = &w->links[link];
    bool plain = (w->what & NO_OBJECT) != 0 && one_in(3);
    member->link = link;
    member->on_listener =
        member->serves && (share_listener(w) || ((w->what & LISTENER) != 0 && one_in(2)));
    member->object = plain ? -1 : (int)cts_random((rtl_uint32_t)member->side->object_count);
    Handle sync = plain ? INVALID_HANDLE : member->side->objects[member->object];
    Handle server = member->on_listener ? l->listener : l->server;
    rtl_uint32_t mdelay = one_in(2) ? w->mdelay : INFINITE_TIMEOUT;
    if (plain && one_in(2)) {
        member->op = member->serves ? cts_start_recv(member->actor, server)
                                    : cts_start_call(member->actor, l->client, some_message());
    } else {
        member->op = member->serves ? cts_start_recv_ex(member->actor, server, mdelay, sync)
                                    : cts_start_call_ex(member->actor, l->client, some_message(),
                                                        mdelay, sync);
    }
    check_begun(w, member);
}

/* The request has been answered: its call comes back. */
static void check_answered(struct walk *w, const struct cts_op *recv)
{
    for (int i = 0; i < MEMBERS; i++) {
        struct member *member = &w->members[i];
        if (member->op != NULL && !member->serves && cts_request(member->op) == cts_request(recv)) {
            cts_check_returned(member->op, rcOk);
            look(member);
        }
    }
    if (w->last_call != NULL && cts_request(w->last_call) == cts_request(recv)) {
        cts_check_returned(w->last_call, rcOk);
    }
}

static void answer(struct walk *w, struct member *server)
{
    struct cts_op *recv = server->owes;
    cts_check_returned(cts_start_reply(server->actor, recv, some_message()), rcOk);
    server->owes = NULL;
    check_answered(w, recv);
}

/* A wait that nobody can end before its limit but Set. */
static void step_limit(struct walk *w, struct member *member)
{
    int link = choose_link(w, member);
    int object = (int)cts_random((rtl_uint32_t)member->side->object_count);
    Handle sync = member->side->objects[object];
    if (w->limits == LIMITS_MAX || has_peers(w, member, 0) || has_peers(w, member, 1)) {
        return;
    }
    w->limits++;
    struct cts_op *op =
        member->serves
            ? cts_start_recv_ex(member->actor, w->links[link].listener, LIMIT_MS, sync)
            : cts_start_call_ex(member->actor, w->links[link].client, CTS_PLAIN, LIMIT_MS, sync);
    cts_check_returned_one_of(op, rcTimeout, rcIpcInterrupt);
}

static void step_refused(struct walk *w, struct member *member)
{
    int link = choose_link(w, member);
    if (!member->serves && has_peers(w, member, link)) {
        struct cts_message message = CTS_WITH_HANDLE(member->side->objects[0]);
        cts_check_error(cts_start_call(member->actor, w->links[link].client, message));
    }
}

static void step_member(struct walk *w, struct member *member)
{
    if (member->owes != NULL && one_in(w->what & CALLS ? 4 : 2)) {
        answer(w, member);
    } else if (member->owes != NULL || ((w->what & OWN_SET) != 0 && one_in(4))) {
        step_object(w, member->side, member->actor);
    } else if ((w->what & LIMITS) != 0 && one_in(8)) {
        step_limit(w, member);
    } else if ((w->what & REFUSED) != 0 && one_in(4)) {
        step_refused(w, member);
    } else {
        step_wait(w, member);
    }
}

/* A thread that can do something; null: those who are asked all wait. */
static struct member *choose_member(struct walk *w)
{
    bool servers = w->what & CALLS ? one_in(5) : w->what & RECEIVES ? !one_in(5) : one_in(2);
    int from = (int)cts_random(MEMBERS);
    for (int i = 0; i < MEMBERS; i++) {
        struct member *member = &w->members[(from + i) % MEMBERS];
        if (member->serves == servers && member->op == NULL) {
            return member;
        }
    }
    return NULL;
}

static void step(struct walk *w)
{
    struct member *member = choose_member(w);
    if (member == NULL || one_in(4)) {
        struct side *side = &w->sides[cts_random((rtl_uint32_t)w->side_count)];
        step_object(w, side, side->setter);
    } else {
        step_member(w, member);
    }
}

/* ------------------------------------------------------------------------------------------------
 * The end: everybody who waits is served.
 */

static void answer_all(struct walk *w)
{
    rest(w);
    for (int i = 0; i < MEMBERS; i++) {
        if (w->members[i].owes != NULL) {
            answer(w, &w->members[i]);
        }
    }
}

static void last_service(struct walk *w, int link, struct cts_op *recv)
{
    cts_check_returned(recv, rcOk);
    cts_check_that(cts_request(recv) != 0, "a receive that is rcOk has a request");
    cts_check_returned(cts_start_reply(w->helper_servers[link], recv, CTS_PLAIN), rcOk);
    check_answered(w, recv);
}

/* A last client for the servers that wait on the link. Where objects clear themselves, all of them may be about to
 * return already. */
static void release_servers(struct walk *w, int link)
{
    const struct member client = {.link = link};
    struct cts_op *ops[MEMBERS + 1];
    w->last_call = cts_start_call(w->helper_clients[link], w->links[link].client, CTS_PLAIN);
    while (!cts_returned(w->last_call)) {
        int peers = peers_of(w, &client, ops);
        if (peers == 0) {
            last_service(w, link, cts_start_recv(w->helper_servers[link], w->links[link].listener));
        } else {
            ops[peers] = w->last_call;
            cts_wait_any(ops, (size_t)peers + 1);
            answer_all(w);
        }
    }
    cts_check_returned(w->last_call, rcOk);
}

/* A last server for a client; the same holds. */
static void release_client(struct walk *w, struct member *client)
{
    int link = client->link;
    struct cts_op *recv = cts_start_recv(w->helper_servers[link], w->links[link].listener);
    cts_wait_either(recv, client->op);
    if (cts_returned(recv)) {
        last_service(w, link, recv);
    } else {
        w->last_call = cts_start_call(w->helper_clients[link], w->links[link].client, CTS_PLAIN);
        last_service(w, link, recv);
        while (!cts_returned(w->last_call)) { /* it was another's request */
            last_service(w, link, cts_start_recv(w->helper_servers[link], w->links[link].listener));
        }
    }
    rest(w);
}

static void walk_end(struct walk *w)
{
    answer_all(w);
    for (int i = 0; i < MEMBERS; i++) {
        struct member *member = &w->members[i];
        for (int tries = 0; member->op != NULL && tries < MEMBERS; tries++) {
            if (member->serves) {
                release_servers(w, member->link);
            } else {
                release_client(w, member);
            }
        }
        cts_check_that(member->op == NULL, "a call or a receive ends when its peer comes");
    }
    for (int link = 0; link < LINKS; link++) {
        cts_check_exchange(w->helper_clients[link], w->links[link].client, w->helper_servers[link],
                           w->links[link].server);
    }
}

static void walk(const struct cts_case *self)
{
    static struct walk w;
    walk_open(self, &w);
    for (unsigned i = 0; cts_steps_left(i, STEPS); i++) {
        step(&w);
    }
    walk_end(&w);
}

static const struct cts_case cases[] = {
    {"OBJ-03.60", "a walk with six objects", walk, CTS_ONE_PROCESS, CTS_UNLIMITED,
     MANY_OBJECTS | OWN_SET, 0},
    {"OBJ-09.60", "a walk on which objects are closed", walk, CTS_ONE_PROCESS, CTS_LIMITED,
     RENEW | LISTENER | OWN_SET, 0},
    {"CALL-07.60", "a walk of calls with and without an object", walk, CTS_ONE_PROCESS, CTS_LIMITED,
     NO_OBJECT | CALLS, 0},
    {"CALL-08.60", "a walk of calls with two objects", walk, CTS_ONE_PROCESS, CTS_LIMITED, CALLS,
     0},
    {"CALL-10.60", "a walk of calls whose servers are busy", walk, CTS_ONE_PROCESS, CTS_UNLIMITED,
     CALLS | LISTENER | OWN_SET, 0},
    {"RECV-04.60", "a walk of receives by threads that set", walk, CTS_ONE_PROCESS, CTS_UNLIMITED,
     RECEIVES | LISTENER | OWN_SET, 0},
    {"RECV-07.60", "a walk of receives with and without an object", walk, CTS_ONE_PROCESS,
     CTS_LIMITED, NO_OBJECT | RECEIVES | LISTENER, 0},
    {"RECV-11.60", "a walk of receives on one channel after the other", walk, CTS_TWO_PROCESSES,
     CTS_LIMITED, RECEIVES, 0},
    {"SCOPE-01.60", "a walk with three processes", walk, CTS_TWO_PROCESSES, CTS_UNLIMITED,
     THIRD | CALLS | OWN_SET, 0},
    {"XFER-03.60", "a walk on which requests are refused", walk, CTS_TWO_PROCESSES, CTS_UNLIMITED,
     REFUSED | LISTENER, 0},
    {"CALL-03.60", "a walk of calls that are withdrawn", walk, CTS_ONE_PROCESS, CTS_LIMITED,
     CALLS | LIMITS | NO_OBJECT | LISTENER, 0},
    {"RECV-08.60", "a walk of receives while other objects are set and closed", walk,
     CTS_ONE_PROCESS, CTS_LIMITED, RECEIVES | RENEW | LISTENER, 0},
    {"RECV-11.61", "a walk of receives on one channel after the other, one process", walk,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECEIVES, 0},
    {"STATE-03.60", "a walk of Set, Clear and waits that time out", walk, CTS_ONE_PROCESS,
     CTS_UNLIMITED, LIMITS | OWN_SET, 0},
    {"SCOPE-02.60", "a walk with new objects in two processes", walk, CTS_TWO_PROCESSES,
     CTS_LIMITED, RENEW | OWN_SET, 0},
    {"V14-02.60", "a walk of calls with automatically clearing objects", walk, CTS_ONE_PROCESS,
     CTS_UNLIMITED, AUTOCLEAR | CALLS, 0},
    {"RACE-05.60", "a walk with all that the documents say", walk, CTS_ONE_PROCESS, CTS_LIMITED,
     NO_OBJECT | LISTENER | RENEW | REFUSED | LIMITS | OWN_SET, 0},
    {"RACE-05.61", "a walk with all that the documents say, two processes", walk, CTS_TWO_PROCESSES,
     CTS_LIMITED, NO_OBJECT | LISTENER | RENEW | REFUSED | LIMITS | OWN_SET, 0},
    {"RACE-05.62", "a walk with all that the documents say, three processes", walk,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, NO_OBJECT | LISTENER | RENEW | OWN_SET | THIRD, 0},
    {"V14-04.60", "a walk with plain and automatically clearing objects", walk, CTS_ONE_PROCESS,
     CTS_UNLIMITED, AUTOCLEAR | OWN_SET | RENEW, 0},
};
CTS_GROUP(cts_group_walk, cases);
