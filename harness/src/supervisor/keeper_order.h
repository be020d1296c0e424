/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes through the socket between the command and a keeper: orders one way, each answered by one
 * report, and the word that a run ends. Both ends are the same program, one a fork of the other, so
 * numbers and reports go as they lie in memory.
 */
#ifndef CTS_SUPERVISOR_KEEPER_ORDER_H
#define CTS_SUPERVISOR_KEEPER_ORDER_H

#include "keeper.h"

/* What the command says while a worker runs: a message of one byte. */
#define KEEPER_CANCEL 'c'
/* An order as it came, with what its pointers point to. */
struct keeper_order_received {
    struct keeper_order order;
    char *strings;
};

enum keeper_order_got {
    KEEPER_ORDER_NONE, /* the socket is at its end */
    KEEPER_ORDER_WHOLE,
    KEEPER_ORDER_WITHOUT_LOG /* whole, but the descriptor of its log is lost: there are too many */
};

/* Blocks while the socket is full. False when nobody reads at the other end any more. */
bool keeper_order_send(int fd, const struct keeper_order *order);
/* Blocks until there is one. keeper_order_finish has to follow, whatever the result. */
enum keeper_order_got keeper_order_receive(int fd, struct keeper_order_received *received);
/* Closes the descriptor of the log and frees the rest. */
void keeper_order_finish(struct keeper_order_received *received);
/* Reads what is meant for nobody, until the socket is at its end. */
void keeper_order_drain(int fd);
/* False when nobody reads at the other end any more. */
bool keeper_report_send(int fd, const struct keeper_report *report);

#endif
