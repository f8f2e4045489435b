/* core/platform.h - Linux's own calls, in one place. */
#ifndef TAPEMILL_CORE_PLATFORM_H
#define TAPEMILL_CORE_PLATFORM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/error.h"

/* This process gets SIGKILL when its parent dies; false if the parent is gone already. */
bool platform_die_with_parent(pid_t parent);

/* Blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD for normal delivery and returns a descriptor they can be read from. */
ERROR_MUST_CHECK enum error_code platform_signal_descriptor(int *descriptor, struct error *error);
/* The next signal waiting there, or 0. */
int platform_read_signal(int descriptor);

/* Undoes platform_signal_descriptor's blocking in a child and ignores what the keeper handles for it. */
void platform_ignore_signals(void);

/* Calls handler, on SIGALRM, after first_ms and then every every_ms; first_ms 0 ends that. The handler may only do what
 * a signal handler may. */
void platform_alarm(int64_t first_ms, int64_t every_ms, void (*handler)(int signal));

/* Who runs this program, for people: "user@host". */
void platform_user_name(char *name, size_t size);

/* A pair of connected sockets that keep message borders (SOCK_SEQPACKET); both close on exec. */
ERROR_MUST_CHECK enum error_code platform_socket_pair(int pair[2], struct error *error);

/* Starts this same program again with one argument; descriptor becomes its descriptor 3. */
ERROR_MUST_CHECK enum error_code platform_start_self(const char *argument, int descriptor, pid_t *process,
                                                     struct error *error);

/* "host:pid" of this process, the name that a worker has in the ledger and in Redis. */
void platform_worker_name(char *name, size_t size);

#endif
