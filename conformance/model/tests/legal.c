/* SPDX-License-Identifier: Apache-2.0 */
/* Histories of conforming libraries, each way of every open choice among them: all accepted. */
#include "history.h"

const struct history legal_histories[] = {
    {.name = "server first", .text = "s Recv; rest; c Call 1; s = ok 1; s Reply 1 -> ok; c = ok 1"},
    {.name = "client first", .text = "c Call 1; rest; s Recv -> ok 1; s Reply 1; c = ok 1; s = ok"},
    {.name = "queued call interrupted, channel works after it",
     .text = "c CallEx 1 o1; rest; x Set o1 -> ok; c = interrupt; rest; x Clear o1 -> ok;"
             "c CallEx 2 o1; s Recv -> ok 2; s Reply 2 -> ok; c = ok 2"},
    {.name = "waiting receive interrupted, handle works after it",
     .text = "s RecvEx o1; rest; x Set o1 -> ok; s = interrupt; x Clear o1 -> ok; s RecvEx o1;"
             "rest; c Call 1; s = ok 1; rest"},
    {.name = "call returns before Set does",
     .text = "c CallEx 1 o1; rest; x Set o1; c = interrupt; x = ok"},
    {.name = "taken call survives Set and is answered",
     .text = "s Recv; rest; c CallEx 1 o1; s = ok 1; x Set o1 -> ok; rest; s Reply 1 -> ok;"
             "c = ok 1; c CallEx 2 o1 -> interrupt"},
    {.name = "processing survives Set",
     .text = "s RecvEx o1; c Call 1; s = ok 1; x Set o1 -> ok; rest; s Reply 1 -> ok; c = ok 1;"
             "s RecvEx o1 -> interrupt"},
    {.name = "Set against rendezvous: the request wins",
     .text = "c CallEx 1 o1; rest; x Set o1; s Recv; s = ok 1; x = ok; rest; s Reply 1 -> ok;"
             "c = ok 1"},
    {.name = "Set against rendezvous: the interruption wins",
     .text = "c CallEx 1 o1; rest; x Set o1; s Recv; c = interrupt; x = ok; rest"},
    {.name = "request and interruption of a receive: the interruption wins, nothing is lost",
     .text = "s RecvEx o1; rest; c Call 1; x Set o1 -> ok; s = interrupt; rest; t Recv -> ok 1"},
    {.name = "all waiters of an object are interrupted, others are not",
     .text =
         "channel 0 - 0 0; channel 1 - 0 0; c CallEx 1 o1; d CallEx 2 o2; e Call 3; s RecvEx ch1;"
         "t RecvEx o1 ch1; rest; x Set o1 -> ok; t = interrupt; c = interrupt; rest"},
    {.name = "sticky: every Ex call that has to wait is interrupted",
     .text = "x Set o1 -> ok; x Set o1 -> ok; c CallEx 1 o1 -> interrupt;"
             "c CallEx 2 o1 -> interrupt; s RecvEx o1 -> interrupt; rest"},
    {.name = "Set then Clear before the call",
     .text = "x Set o1 -> ok; x Clear o1 -> ok; x Clear o1 -> ok; c CallEx 1 o1; rest;"
             "x Set o1 -> ok; c = interrupt"},
    {.name = "racing Set and Clear: still set",
     .text = "x Set o1; y Clear o1; c CallEx 1 o1; x = ok; y = ok; c = interrupt;"
             "c CallEx 2 o1 -> interrupt"},
    {.name = "racing Set and Clear: clear",
     .text = "x Set o1; y Clear o1; c CallEx 1 o1; x = ok; y = ok; rest"},
    {.name = "racing Set, Set and Clear",
     .text = "x Set o1; y Clear o1; z Set o1; c CallEx 1 o1; d CallEx 2 o1; c = interrupt; y = ok;"
             "x = ok; z = ok; d = interrupt; rest"},
    /* CALL-05, RECV-05 */
    {.name = "entered while set, server waiting: delivered",
     .text = "s Recv; rest; x Set o1 -> ok; c CallEx 1 o1; s = ok 1; rest; s Reply 1 -> ok;"
             "c = ok 1"},
    {.name = "entered while set, server waiting: interrupted",
     .text = "s Recv; rest; x Set o1 -> ok; c CallEx 1 o1 -> interrupt; rest"},
    {.name = "entered while set, request queued: received",
     .text = "c Call 1; rest; x Set o1 -> ok; s RecvEx o1 -> ok 1; rest"},
    {.name = "entered while set, request queued: interrupted",
     .text = "c Call 1; rest; x Set o1 -> ok; s RecvEx o1 -> interrupt; rest; t Recv -> ok 1"},
    /* STATE-04 */
    {.name = "pulse interrupts both",
     .text =
         "channel 0 - 0 0; channel 1 - 0 0; c CallEx 1 o1; s RecvEx o1 ch1; rest; x Set o1 -> ok;"
         "x Clear o1 -> ok; c = interrupt; s = interrupt; rest"},
    {.name = "pulse interrupts one, the other obeys a later Set",
     .text = "c CallEx 1 o1; d CallEx 2 o1; rest; x Set o1 -> ok; x Clear o1 -> ok; d = interrupt;"
             "rest; x Set o1 -> ok; c = interrupt; rest"},
    {.name = "pulse interrupts nobody",
     .text = "c CallEx 1 o1; rest; x Set o1 -> ok; x Clear o1 -> ok; rest; s Recv -> ok 1"},
    /* STATE-07 */
    {.name = "close: waiters keep waiting",
     .text = "c CallEx 1 o1; rest; x Close o1 -> ok; rest; s Recv -> ok 1; s Reply 1 -> ok;"
             "c = ok 1"},
    {.name = "close: waiters return an error",
     .text = "channel 0 - 0 0; channel 1 - 0 0; c CallEx 1 o1; s RecvEx o1 ch1; rest; x Close o1 "
             "-> ok; c = error;"
             "s = error; rest"},
    {.name = "close: waiters return rcIpcInterrupt",
     .text = "c CallEx 1 o1; rest; x Close o1 -> ok; c = interrupt; rest"},
    {.name = "close: refused",
     .text = "c CallEx 1 o1; rest; x Close o1 -> error; rest; x Set o1 -> ok; c = interrupt;"
             "x Close o1 -> ok; x Clear o1 -> error; x Close o1 -> error"},
    {.name = "close of the object of a taken call",
     .text = "c CallEx 1 o1; s Recv -> ok 1; x Close o1 -> ok; rest; s Reply 1 -> ok; c = ok 1"},
    {.name = "close of the object of a taken call: error, the late reply fails",
     .text = "c CallEx 1 o1; s Recv -> ok 1; x Close o1 -> ok; c = error; s Reply 1 -> error"},
    {.name = "close of the object of a taken call explains that a refused response met nobody",
     .text =
         "c CallEx 1 o1 poll; s Recv -> ok 1; s Reply 1 refused; x Close o1; c = error; s = ok"},
    {.name = "Set against Close: either order",
     .text = "x Set o1; y Close o1; x = error; y = ok; a Set o2; b Close o2; a = ok; b = ok"},
    {.name = "object closed as the call enters: refused, nothing delivered",
     .text = "x Close o1 -> ok; s Recv; c CallEx 1 o1 -> error; rest"},
    {.name = "object closed as the call enters: ignored",
     .text = "x Close o1 -> ok; s Recv; c CallEx 1 o1; s = ok 1; s Reply 1 -> ok; c = ok 1"},
    /* CALL-14, RECV-13 */
    {.name = "bad sync handle refused",
     .text = "c CallEx 1 badsync -> error; s RecvEx badsync -> error; "
             "d CallEx 2 badsync lim -> interrupt; s Recv; rest"},
    {.name = "bad sync handle ignored",
     .text = "c CallEx 1 badsync; rest; s RecvEx badsync -> ok 1; s Reply 1 -> ok; c = ok 1;"
             "s RecvEx badsync lim; rest; s = timeout"},
    /* TIME */
    {.name = "timeouts of a queued call and of a receive",
     .text = "c CallEx 1 o1 lim; rest; c = timeout; s RecvEx o1 lim -> timeout; rest"},
    {.name = "timeout while taken, late reply ok, the next call gets its own",
     .text = "c CallEx 1 lim; s Recv -> ok 1; c = timeout; c Call 2; s Reply 1 -> ok; rest;"
             "s Recv -> ok 2; s Reply 2 -> ok; c = ok 2"},
    {.name = "timeout while taken, late reply fails",
     .text = "c CallEx 1 lim; s Recv -> ok 1; c = timeout; s Reply 1 -> notconnected"},
    {.name = "reply fails because the call is just timing out",
     .text = "c CallEx 1 lim; s Recv -> ok 1; s Reply 1 -> notconnected; c = timeout; rest"},
    {.name = "the server took it just before the timeout",
     .text = "s Recv; c CallEx 1 lim; c = timeout; s = ok 1; s Reply 1 -> error"},
    {.name = "Set and timeout racing: interrupt",
     .text = "c CallEx 1 o1 lim; rest; x Set o1; c = interrupt; x = ok; s Recv; rest"},
    {.name = "Set and timeout racing: timeout",
     .text = "c CallEx 1 o1 lim; rest; x Set o1; c = timeout; x = ok; s Recv; rest"},
    {.name = "limits under virtual time",
     .text = "channel 0 - 0 0; channel 1 - 0 0; c CallEx 1 d100; rest; advance 99; rest; s RecvEx "
             "d50 ch1; rest;"
             "advance 100; c = timeout; rest; advance 149; s = timeout; rest",
     .virtual_time = true},
    {.name = "virtual time moved before the call was seen waiting",
     .text = "c CallEx 1 d100; advance 100; rest; advance 200; c = timeout; rest",
     .virtual_time = true},
    {.name = "poll",
     .text = "c CallEx 1 poll -> timeout; s RecvEx poll -> timeout; s Recv; rest; c CallEx 2 poll;"
             "s = ok 2; s Reply 2 -> ok; c = ok 2; d Call 3; rest; s RecvEx poll -> ok 3"},
    {.name = "poll that was taken and ran out",
     .text = "s Recv; rest; c CallEx 1 poll; s = ok 1; c = timeout; s Reply 1 -> notconnected"},
    {.name = "poll that is refused",
     .text = "c CallEx 1 poll -> error; s RecvEx poll -> error; s Recv; rest; c CallEx 2 poll -> "
             "error; d Call 3; s = ok 3"},
    {.name = "bad sync handle refused after a rest",
     .text = "c CallEx 1 badsync; rest; c = error; s RecvEx badsync; rest; s = interrupt"},
    /* XFER */
    {.name = "refused request",
     .text = "s Recv; rest; c CallEx 1 o1 refused -> security; rest; c CallEx 2; s = ok 2"},
    {.name = "refused request that waits for a server first",
     .text = "c Call 1 refused; rest; s Recv; c = security; rest"},
    {.name = "refused response: client gets an error",
     .text = "c Call 1; s Recv -> ok 1; s Reply 1 refused -> security; c = security;"
             "s Reply 1 -> error"},
    {.name = "refused response: client waits, the server replies again",
     .text =
         "c Call 1; s Recv -> ok 1; s Reply 1 refused -> error; rest; s Reply 1 -> ok; c = ok 1"},
    {.name = "refused response: client times out",
     .text = "c CallEx 1 lim; s Recv -> ok 1; s Reply 1 refused -> security; c = timeout; rest"},
    /* V14 */
    {.name = "autoclear: one of two",
     .text = "auto o1; c CallEx 1 o1; d CallEx 2 o1; rest; x Set o1 -> ok; d = interrupt; rest;"
             "x Set o1 -> ok; c = interrupt; rest"},
    {.name = "autoclear: all",
     .text = "auto o1; c CallEx 1 o1; d CallEx 2 o1; rest; x Set o1 -> ok; d = interrupt;"
             "c = interrupt; rest; c CallEx 3 o1; rest"},
    {.name = "autoclear: Set without waiter stays pending",
     .text = "auto o1; x Set o1 -> ok; rest; s RecvEx o1 -> interrupt; s RecvEx o1; rest"},
    {.name = "autoclear: Set without waiter is lost",
     .text = "auto o1; x Set o1 -> ok; rest; s RecvEx o1; rest; x Set o1 -> ok; s = interrupt"},
    {.name = "autoclear: two Sets, one consumed before the other",
     .text = "auto o1; c CallEx 1 o1; rest; x Set o1 -> ok; y Set o1 -> ok; c = interrupt;"
             "c CallEx 2 o1 -> interrupt; c CallEx 3 o1; rest"},
    {.name = "autoclear: Clear takes it back",
     .text = "auto o1; x Set o1 -> ok; x Clear o1 -> ok; c CallEx 1 o1; rest"},
    /* Reply */
    {.name = "replies without a request",
     .text = "s Reply 0 -> error; s Reply 0 -> ok; s Reply 0; rest; s = error"},
    {.name = "second reply to one request",
     .text = "c Call 1; s Recv -> ok 1; s Reply 1 -> ok; c = ok 1; s Reply 1 -> error"},
    /* other order, listeners */
    {.name = "any order of the queue",
     .text = "c Call 1; rest; d Call 2; rest; s Recv -> ok 2; s Reply 2 -> ok; s Recv -> ok 1;"
             "d = ok 2"},
    {.name = "order of arrival kept",
     .text = "c Call 1; rest; d Call 2; rest; s Recv -> ok 1; s Recv -> ok 2",
     .fifo = true},
    {.name = "order of arrival: the first one was taken by another server",
     .text = "c Call 1; rest; d Call 2; s Recv; t Recv; s = ok 2; t = ok 1; rest",
     .fifo = true},
    {.name = "order of arrival: the first one was interrupted",
     .text = "c CallEx 1 o1; rest; d Call 2; x Set o1; s Recv -> ok 2; x = ok; c = interrupt; rest",
     .fifo = true},
    {.name = "order of arrival not known",
     .text = "c Call 1; d Call 2; s Recv -> ok 2; t Recv -> ok 1",
     .fifo = true},
    {.name = "listener serves its channels, one more while it waits",
     .text = "channel 0 5 0 0; s RecvEx lis5 o1; rest; channel 1 5 0 0; c Call 1 ch1; s = ok 1;"
             "d Call 2 ch0; rest; s Recv lis5 -> ok 2"},
    /* processes, closed ends */
    {.name = "server process ends: queued and taken calls fail",
     .text = "channel 0 - 1 0; thread s 1; thread r 1; c Call 1; d CallEx 2 o1; s Recv -> ok 1;"
             "rest; ending 1; c = notconnected; end 1; d = error; rest"},
    {.name = "server process ends inside Reply: answered",
     .text = "channel 0 - 1 0; thread s 1; c Call 1; s Recv -> ok 1; s Reply 1; end 1; c = ok 1"},
    {.name = "server process ends inside Reply: not answered",
     .text = "channel 0 - 1 0; thread s 1; c Call 1; s Recv -> ok 1; s Reply 1; end 1;"
             "c = notconnected"},
    {.name = "client process ends: reply returns, others are served",
     .text = "channel 0 - 0 1; channel 1 0 0 0; thread c 1; c Call 1; s Recv -> ok 1; end 1; rest;"
             "s Reply 1 -> notconnected; d Call 2 ch1; s Recv ch1 -> ok 2"},
    {.name = "client process ends while queued: withdrawn",
     .text = "channel 0 - 0 1; thread c 1; c Call 1; rest; end 1; s Recv; rest; s = notconnected"},
    {.name = "client process ends while queued: still received",
     .text = "channel 0 - 0 1; thread c 1; c Call 1; rest; end 1; s Recv -> ok 1;"
             "s Reply 1 -> error"},
    {.name = "server end closed while a call waits",
     .text = "c Call 1; rest; x Close ch0 -> ok; c = notconnected; s Recv -> error"},
    {.name = "bad handles",
     .text =
         "c Call 1 bad -> error; s Recv bad -> error; x Set bad -> error; x Close bad -> error"},
    {.name = "objects are created and used",
     .text = "x Create -> ok 3; y Create auto -> ok 4; x Create bad -> error;"
             "x Create anyerror -> error"},
    {.name = "released object: nothing is claimed",
     .text = "c CallEx 1 o1; release o1; x Set o1 -> ok; rest; c = interrupt; x Set o1 -> error"},
};
const size_t legal_history_count = sizeof legal_histories / sizeof legal_histories[0];
