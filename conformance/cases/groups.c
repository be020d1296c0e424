/* SPDX-License-Identifier: Apache-2.0 */
/* The case groups, in the order in which they are listed and run. */
#include <cts/case.h>

extern const struct cts_group cts_group_obj_clear;
extern const struct cts_group cts_group_obj_close;
extern const struct cts_group cts_group_obj_create;
extern const struct cts_group cts_group_obj_error_codes;
extern const struct cts_group cts_group_obj_independent;
extern const struct cts_group cts_group_obj_many;
extern const struct cts_group cts_group_obj_new_is_clear;
extern const struct cts_group cts_group_obj_reuse;
extern const struct cts_group cts_group_obj_set;
extern const struct cts_group cts_group_obj_wrong_handle;
extern const struct cts_group cts_group_call_bad_sync;
extern const struct cts_group cts_group_call_immune;
extern const struct cts_group cts_group_call_late_reply;
extern const struct cts_group cts_group_call_late_far;
extern const struct cts_group cts_group_call_many;
extern const struct cts_group cts_group_call_queue;
extern const struct cts_group cts_group_call_set_before;
extern const struct cts_group cts_group_call_window;
extern const struct cts_group cts_group_call_withdraw;
extern const struct cts_group cts_group_recv_bad_sync;
extern const struct cts_group cts_group_recv_end_closed;
extern const struct cts_group cts_group_recv_immune;
extern const struct cts_group cts_group_recv_listener;
extern const struct cts_group cts_group_recv_many;
extern const struct cts_group cts_group_recv_request;
extern const struct cts_group cts_group_recv_set_before;
extern const struct cts_group cts_group_recv_window;
extern const struct cts_group cts_group_state_both_kinds;
extern const struct cts_group cts_group_state_clear;
extern const struct cts_group cts_group_state_close_waiting;
extern const struct cts_group cts_group_state_immediate;
extern const struct cts_group cts_group_state_outside_ipc;
extern const struct cts_group cts_group_state_pulse;
extern const struct cts_group cts_group_state_sticky;
extern const struct cts_group cts_group_walk;
extern const struct cts_group cts_group_window_call;
extern const struct cts_group cts_group_window_call_close;
extern const struct cts_group cts_group_window_call_held;
extern const struct cts_group cts_group_window_call_time;
extern const struct cts_group cts_group_window_recv;
extern const struct cts_group cts_group_window_recv_close;
extern const struct cts_group cts_group_window_recv_time;
extern const struct cts_group cts_group_time_limit;
extern const struct cts_group cts_group_time_set;
extern const struct cts_group cts_group_time_taken;
extern const struct cts_group cts_group_time_unlimited;
extern const struct cts_group cts_group_time_zero;
extern const struct cts_group cts_group_xfer_control;
extern const struct cts_group cts_group_xfer_position;
extern const struct cts_group cts_group_xfer_refused;
extern const struct cts_group cts_group_xfer_reply_client;
extern const struct cts_group cts_group_xfer_request;
extern const struct cts_group cts_group_xfer_response;
extern const struct cts_group cts_group_xfer_reused;
extern const struct cts_group cts_group_xfer_rights;
extern const struct cts_group cts_group_scope_ends;
extern const struct cts_group cts_group_scope_number;
extern const struct cts_group cts_group_scope_process;
extern const struct cts_group cts_group_state_mixed;
extern const struct cts_group cts_group_transfer_mixed;
extern const struct cts_group cts_group_second_use;
extern const struct cts_group cts_group_life_client_end;
extern const struct cts_group cts_group_life_objects;
extern const struct cts_group cts_group_life_server_end;
extern const struct cts_group cts_group_life_shutdown;
extern const struct cts_group cts_group_race_ghosts;
extern const struct cts_group cts_group_race_handshake;
extern const struct cts_group cts_group_race_history;
extern const struct cts_group cts_group_race_rendezvous;
extern const struct cts_group cts_group_race_set_clear;
extern const struct cts_group cts_group_race_traffic;
extern const struct cts_group cts_group_reply_whom;
extern const struct cts_group cts_group_race_wakeup;
extern const struct cts_group cts_group_race_window_entry;
extern const struct cts_group cts_group_race_window_limit;
extern const struct cts_group cts_group_race_window_meet;
extern const struct cts_group cts_group_crowd;
extern const struct cts_group cts_group_other_ends;
extern const struct cts_group cts_group_travelled;
extern const struct cts_group cts_group_nested;
extern const struct cts_group cts_group_held_elsewhere;
extern const struct cts_group cts_group_who_sets;
extern const struct cts_group cts_group_v14_autoclear;
extern const struct cts_group cts_group_abi_headers;
extern const struct cts_group cts_group_abi_retcodes;
extern const struct cts_group cts_group_abi_symbols;
extern const struct cts_group cts_group_obj_leak;
extern const struct cts_group cts_group_state_late_set;
/* Last: their cases run alone, so the others should not have to wait for them. */
extern const struct cts_group cts_group_time_late;
extern const struct cts_group cts_group_after_limit;
extern const struct cts_group cts_group_other_channels;
extern const struct cts_group cts_group_set_in_service;
extern const struct cts_group cts_group_nested_service;
extern const struct cts_group cts_group_deep_queue;
extern const struct cts_group cts_group_handed_on;
extern const struct cts_group cts_group_carried;
extern const struct cts_group cts_group_copies;
extern const struct cts_group cts_group_state_remains;
extern const struct cts_group cts_group_state_server_closed;

/* A new group must not move all the others. */
/* clang-format off */
const struct cts_group *const cts_groups[] = {
    &cts_group_obj_clear,
    &cts_group_obj_close,
    &cts_group_obj_create,
    &cts_group_obj_error_codes,
    &cts_group_obj_independent,
    &cts_group_obj_many,
    &cts_group_obj_new_is_clear,
    &cts_group_obj_reuse,
    &cts_group_obj_set,
    &cts_group_obj_wrong_handle,
    &cts_group_call_bad_sync,
    &cts_group_call_immune,
    &cts_group_call_late_reply,
    &cts_group_call_late_far,
    &cts_group_call_many,
    &cts_group_call_queue,
    &cts_group_call_set_before,
    &cts_group_call_window,
    &cts_group_call_withdraw,
    &cts_group_recv_bad_sync,
    &cts_group_recv_end_closed,
    &cts_group_recv_immune,
    &cts_group_recv_listener,
    &cts_group_recv_many,
    &cts_group_recv_request,
    &cts_group_recv_set_before,
    &cts_group_recv_window,
    &cts_group_state_both_kinds,
    &cts_group_state_clear,
    &cts_group_state_close_waiting,
    &cts_group_state_immediate,
    &cts_group_state_outside_ipc,
    &cts_group_state_pulse,
    &cts_group_state_sticky,
    &cts_group_walk,
    &cts_group_window_call,
    &cts_group_window_call_close,
    &cts_group_window_call_held,
    &cts_group_window_call_time,
    &cts_group_window_recv,
    &cts_group_window_recv_close,
    &cts_group_window_recv_time,
    &cts_group_time_limit,
    &cts_group_time_set,
    &cts_group_time_taken,
    &cts_group_time_unlimited,
    &cts_group_time_zero,
    &cts_group_xfer_control,
    &cts_group_xfer_position,
    &cts_group_xfer_refused,
    &cts_group_xfer_reply_client,
    &cts_group_xfer_request,
    &cts_group_xfer_response,
    &cts_group_xfer_reused,
    &cts_group_xfer_rights,
    &cts_group_scope_ends,
    &cts_group_scope_number,
    &cts_group_scope_process,
    &cts_group_state_mixed,
    &cts_group_transfer_mixed,
    &cts_group_second_use,
    &cts_group_life_client_end,
    &cts_group_life_objects,
    &cts_group_life_server_end,
    &cts_group_life_shutdown,
    &cts_group_race_ghosts,
    &cts_group_race_handshake,
    &cts_group_race_history,
    &cts_group_race_rendezvous,
    &cts_group_race_set_clear,
    &cts_group_race_traffic,
    &cts_group_reply_whom,
    &cts_group_race_wakeup,
    &cts_group_race_window_entry,
    &cts_group_race_window_limit,
    &cts_group_race_window_meet,
    &cts_group_v14_autoclear,
    &cts_group_abi_headers,
    &cts_group_abi_retcodes,
    &cts_group_abi_symbols,
    &cts_group_crowd,
    &cts_group_other_ends,
    &cts_group_travelled,
    &cts_group_nested,
    &cts_group_held_elsewhere,
    &cts_group_who_sets,
    &cts_group_obj_leak,
    &cts_group_state_late_set,
    &cts_group_time_late,
    &cts_group_after_limit,
    &cts_group_other_channels,
    &cts_group_set_in_service,
    &cts_group_nested_service,
    &cts_group_deep_queue,
    &cts_group_handed_on,
    &cts_group_carried,
    &cts_group_copies,
    &cts_group_state_remains,
    &cts_group_state_server_closed,
    NULL,
};
/* clang-format on */
