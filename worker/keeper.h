/* worker/keeper.h - the parent: takes jobs from Redis, keeps their leases, watches its runner, settles what a dead
 * runner leaves behind.
 *
 * One loop around poll(): signals, the runner's socket, Redis's bell. Heartbeats never wait for the job. */
#ifndef TAPEMILL_WORKER_KEEPER_H
#define TAPEMILL_WORKER_KEEPER_H

#include <stddef.h>

enum { KEEPER_QUEUES_MAX = 32 };

/* Runs until SIGTERM or SIGINT and the drain are over (a second signal ends the drain). Returns the exit code. */
int keeper_main(const char *const *queues, size_t count);

#endif
