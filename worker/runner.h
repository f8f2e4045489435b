/* worker/runner.h - the child that runs one job at a time, and what it says to its keeper.
 *
 * Keeper and runner talk over a SOCK_SEQPACKET pair: one struct per message. The runner does everything that concerns
 * the ledger (claim, run, complete, fail); the keeper everything that concerns Redis's lease. */
#ifndef TAPEMILL_WORKER_RUNNER_H
#define TAPEMILL_WORKER_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Keeper to runner: run this job. */
struct runner_order {
    int64_t job_id;
    bool lease_expired; /* its last lease ran out: a run still going on may be taken over */
};

enum runner_word {
    RUNNER_READY,       /* connected to the warehouse, whose schema fits */
    RUNNER_DEADLINE,    /* the run has a hard deadline of its own: kill me after delay_ms */
    RUNNER_ACKNOWLEDGE, /* the job is finished, or waits in the ledger: forget it */
    RUNNER_RELEASE,     /* make the job ready again after delay_ms */
};

/* Runner to keeper. */
struct runner_report {
    enum runner_word word;
    int64_t job_id, delay_ms;
};

/* Name of a runner in the ledger: "host:KEEPER/RUNNER". */
void runner_name(pid_t keeper, pid_t runner, char *name, size_t size);

/* Runs until the keeper closes the socket. Returns the exit code. */
int runner_main(int socket, pid_t keeper);

#endif
