/* ops/command_doctor.h - what `tapemill doctor` looks at. A check fills a finding; a check that itself fails is a
 * finding too. */
#ifndef TAPEMILL_OPS_COMMAND_DOCTOR_H
#define TAPEMILL_OPS_COMMAND_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/database.h"
#include "core/error.h"
#include "core/redis_client.h"

enum { COMMAND_DOCTOR_TEXT_BYTES = 512 };

enum command_doctor_status { COMMAND_DOCTOR_OK, COMMAND_DOCTOR_WARN, COMMAND_DOCTOR_FAIL };

struct command_doctor_finding {
    const char *name;
    enum command_doctor_status status;
    char text[COMMAND_DOCTOR_TEXT_BYTES];
    char remedy[COMMAND_DOCTOR_TEXT_BYTES]; /* "" when all is well */
};

/* Connections that checks made, for the checks after them. */
struct command_doctor {
    struct database *warehouse; /* NULL: cannot be reached */
    struct redis_client *redis; /* NULL: cannot be reached */
    bool schema_fits;           /* the warehouse can be asked about its tables */
};

/* What must be there for a check to make sense; one that cannot be made is left out. */
enum command_doctor_need {
    COMMAND_DOCTOR_NOTHING,
    COMMAND_DOCTOR_WAREHOUSE,
    COMMAND_DOCTOR_SCHEMA,
    COMMAND_DOCTOR_REDIS,
    COMMAND_DOCTOR_REDIS_AND_SCHEMA
};

struct command_doctor_check {
    const char *name;
    enum command_doctor_need need;
    enum error_code (*run)(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error);
    const char *remedy; /* when the check itself fails; NULL: its error has one */
};

/* Servers first, then what they hold. .name NULL at the end. */
extern const struct command_doctor_check command_doctor_server_checks[]; /* command_doctor_servers.c */
extern const struct command_doctor_check command_doctor_work_checks[];   /* command_doctor_work.c */

/* Ledger against Redis (command_doctor_queue.c): jobs that Redis should have, runs that should have leases, and what
 * Redis has. Each looks at a bounded sample, and tells each kind of disagreement with its count, as it is before the
 * scheduler repairs it. */
enum error_code command_doctor_queued(struct command_doctor *doctor, struct command_doctor_finding *finding,
                                      struct error *error);
enum error_code command_doctor_leases(struct command_doctor *doctor, struct command_doctor_finding *finding,
                                      struct error *error);
enum error_code command_doctor_content(struct command_doctor *doctor, struct command_doctor_finding *finding,
                                       struct error *error);

/* The schedule (command_doctor_schedule.c): that there is one, that its entries can run, what it gave up of late, and
 * whether it is still the one that Tapemill comes with. */
enum error_code command_doctor_schedule(struct command_doctor *doctor, struct command_doctor_finding *finding,
                                        struct error *error);
enum error_code command_doctor_given_up(struct command_doctor *doctor, struct command_doctor_finding *finding,
                                        struct error *error);

/* The dimensions (command_doctor_dimensions.c): members that only facts name, deletes that were refused, and facts that
 * were not moved to the version they belong to. */
enum error_code command_doctor_inferred(struct command_doctor *doctor, struct command_doctor_finding *finding,
                                        struct error *error);
enum error_code command_doctor_deletes(struct command_doctor *doctor, struct command_doctor_finding *finding,
                                       struct error *error);
enum error_code command_doctor_rekeying(struct command_doctor *doctor, struct command_doctor_finding *finding,
                                        struct error *error);

/* Realised P&L (command_doctor_pnl.c): whether the stored books are of the method that the setting names. */
enum error_code command_doctor_pnl_method(struct command_doctor *doctor, struct command_doctor_finding *finding,
                                          struct error *error);

/* Fills a finding; remedy NULL: none. Returns ERROR_NONE, so that "return command_doctor_say(...)" reads as one step.
 */
enum error_code command_doctor_say(struct command_doctor_finding *finding, enum command_doctor_status status,
                                   const char *remedy, const char *format, ...) ERROR_PRINTF(4, 5);

#endif
