#include "core/failpoint.h"

#include <stddef.h>

/* In the order of a job's life. */
const char *const failpoint_names[] = {
    "keeper.reserved",       /* Redis has leased the job to this keeper */
    "runner.received",       /* the runner knows the job's id */
    "runner.admitted",       /* the locks of its limits are held, and it is not claimed or parked yet */
    "runner.claimed",        /* the ledger says running, with our fence */
    "runner.begun",          /* the run's transaction is open */
    "partition.made",        /* a leaf is made, in a transaction of its own; only its COMMIT is missing */
    "load.extracting",       /* rows are flowing from the source */
    "load.inferred",         /* members that had not arrived are inferred, in a transaction of its own */
    "load.staged",           /* all rows are staged */
    "load.published",        /* its closing books are published for the next date's load */
    "load.indexed",          /* a bulk-built leaf has its indexes; it is not attached yet */
    "load.merged",           /* the fact rows are written: merged, or their leaf attached */
    "rekey.inferred",        /* versions for facts in a gap are committed; no fact has them yet */
    "rekey.moved",           /* facts have the keys of other versions */
    "leaf.rewritten",        /* a leaf that takes another's place has its indexes; the other still stands */
    "leaf.replaced",         /* it stands in the other's place */
    "fold.filled",           /* a month's rows are in the new leaf; nothing but that table is locked against others */
    "fold.indexed",          /* the new leaf has its indexes */
    "fold.dropped",          /* the old leaves are gone, for this transaction */
    "fold.attached",         /* the new leaf is in their place */
    "runner.before_job_row", /* the handler is done */
    "runner.before_commit",  /* the job row is locked; only COMMIT is missing */
    "runner.committed",      /* committed; nobody knows yet */
    "runner.failing",        /* rolled back, the failure is not written yet */
    "keeper.result",         /* the keeper knows; Redis is not told yet */
    "keeper.acknowledged",   /* Redis is told */
    "scheduler.ticked",      /* a tick and its jobs are inserted; only COMMIT is missing */
    NULL,
};

#ifdef TAPEMILL_FAILPOINTS

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
leave_mark(const char *directory, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s.hit", directory, name);
    FILE *mark = fopen(path, "w");
    if (mark) {
        fprintf(mark, "%d\n", (int)getpid());
        (void)fclose(mark);
    }
}

static void
act(const char *action)
{
    if (strcmp(action, "kill-parent") == 0 || strcmp(action, "kill-both") == 0)
        (void)kill(getppid(), SIGKILL);
    if (strcmp(action, "kill") == 0 || strcmp(action, "kill-both") == 0)
        (void)raise(SIGKILL);
    if (strcmp(action, "stop-both") == 0)
        (void)kill(getppid(), SIGSTOP);
    if (strcmp(action, "stop") == 0 || strcmp(action, "stop-both") == 0)
        (void)raise(SIGSTOP);
    if (strcmp(action, "exit") == 0)
        _exit(3);
}

int64_t
failpoint_clock_offset_ms(void)
{
    char path[4096], text[32] = "";
    const char *directory = getenv("TAPEMILL_FAILPOINT_DIR");
    if (!directory || !directory[0])
        return 0;
    (void)snprintf(path, sizeof(path), "%s/clock_offset_ms", directory);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t length = read(file, text, sizeof(text) - 1);
    (void)close(file);
    return length > 0 ? strtoll(text, NULL, 10) : 0;
}

void
failpoint_reach(const char *name)
{
    char path[4096], action[64] = "";
    const char *directory = getenv("TAPEMILL_FAILPOINT_DIR");
    if (!directory || !directory[0])
        return;
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t length = read(file, action, sizeof(action) - 1);
    (void)close(file);
    if (length <= 0 || unlink(path) != 0)
        return; /* another process was faster */
    action[strcspn(action, "\r\n")] = 0;
    leave_mark(directory, name);
    act(action);
}

#endif
