#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/ledger_audit.h"
#include "core/queue.h"
#include "core/queue_audit.h"
#include "core/sql.h"
#include "ops/command_doctor.h"
#include "ops/command_session.h"

/* What is looked at: so many jobs of each state, so many pages of what Redis has. */
enum { PAGES_MAX = 100 };

#define SCHEDULER_REPAIRS                                                                                              \
    "the leading scheduler repairs this at its next pass (TAPEMILL_RECONCILE_SECONDS); see that one is running"

static void
begin(struct queue_audit *audit, const struct command_doctor *doctor)
{
    *audit = (struct queue_audit){.client = doctor->redis, .lease_ms = config_integer(CONFIG_LEASE_SECONDS) * 1000};
}

/* "queued, but not in Redis: 3, leases without end: 1"; "" when there is no disagreement. */
static void
describe(const struct queue_audit *audit, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (int kind = 0; kind < QUEUE_FAULT_COUNT && used < size; kind++)
        if (audit->faults[kind] && kind != QUEUE_FAULT_UNLEASED)
            used += (size_t)snprintf(text + used, size - used, "%s%s: %" PRId64, used ? ", " : "",
                                     queue_fault_name((enum queue_fault)kind), audit->faults[kind]);
}

enum error_code
command_doctor_queued(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    static const char *const states[] = {"queued", "retry"};
    struct queue_audit audit;
    char faults[COMMAND_DOCTOR_TEXT_BYTES];
    size_t looked_at = 0;
    begin(&audit, doctor);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        int64_t last_id = 0;
        size_t count = 0;
        if (ledger_audit_due(&audit, doctor->warehouse, states[i], (int)config_integer(CONFIG_LEASE_SECONDS), &last_id,
                             &count, error))
            return error->code;
        looked_at += count;
    }
    describe(&audit, faults, sizeof(faults));
    if (faults[0])
        return command_doctor_say(finding, COMMAND_DOCTOR_WARN, SCHEDULER_REPAIRS, "of %zu queued jobs looked at, %s",
                                  looked_at, faults);
    return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL,
                              "Redis has the jobs that wait for a worker, each where it belongs (%zu looked at)",
                              looked_at);
}

enum error_code
command_doctor_leases(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char seconds[24], most[24];
    int64_t *ids;
    size_t count = 0, absent = 0;
    (void)snprintf(seconds, sizeof(seconds), "%" PRId64, config_integer(CONFIG_LEASE_SECONDS));
    (void)snprintf(most, sizeof(most), "%d", QUEUE_BATCH_MAX);
    struct queue_presence *presence = calloc(QUEUE_BATCH_MAX, sizeof(*presence));
    if (!presence)
        return error_set(error, ERROR_MEMORY, "out of memory for a list of jobs");
    enum error_code code = command_session_ids(doctor->warehouse, "ops/doctor", "running",
                                               DATABASE_VALUES(seconds, most), &ids, &count, error);
    if (!code)
        code = queue_presence(doctor->redis, ids, count, presence, error);
    for (size_t i = 0; !code && i < count; i++)
        absent += !presence[i].leased;
    free(ids);
    free(presence);
    if (code)
        return code;
    if (!absent)
        return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "every running job holds its lease (%zu)", count);
    return command_doctor_say(finding, COMMAND_DOCTOR_WARN,
                              "the leading scheduler gives them to other workers once they were without one for "
                              "TAPEMILL_LEASE_SECONDS; see that one is running",
                              "%s: %zu", queue_fault_name(QUEUE_FAULT_UNLEASED), absent);
}

enum error_code
command_doctor_content(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    static struct ledger_audit_walk walk;
    struct queue_audit audit;
    char faults[COMMAND_DOCTOR_TEXT_BYTES];
    begin(&audit, doctor);
    memset(&walk, 0, sizeof(walk));
    enum error_code code = queue_audit_types(&audit, error);
    if (!code && audit.faults[QUEUE_FAULT_UNKNOWN])
        return command_doctor_say(finding, COMMAND_DOCTOR_WARN, SCHEDULER_REPAIRS, "keys of another type: %" PRId64,
                                  audit.faults[QUEUE_FAULT_UNKNOWN]);
    for (int page = 0; !code && page < PAGES_MAX && !ledger_audit_is_over(&walk); page++)
        code = ledger_audit_step(&walk, &audit, doctor->warehouse, error);
    if (code)
        return code;
    const char *extent = ledger_audit_is_over(&walk) ? "" : " (of a sample)";
    describe(&audit, faults, sizeof(faults));
    if (faults[0])
        return command_doctor_say(finding, COMMAND_DOCTOR_WARN, SCHEDULER_REPAIRS, "%s%s", faults, extent);
    return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "all that it has of jobs the ledger has too%s", extent);
}
