/* Checks of what the dimensions say: see command_doctor.h. */
#include <inttypes.h>
#include <stdio.h>

#include "core/sql.h"
#include "ops/command_doctor.h"

#define HOURS_INFERRED "24" /* a member may arrive after its facts; not for longer */

enum { INFERRED, EXAMPLE, REFUSED, DEAD };

static enum error_code
look(struct command_doctor *doctor, struct rows **rows, struct error *error)
{
    return database_query(doctor->warehouse, sql_text("ops/doctor", "dimensions"), DATABASE_VALUES(HOURS_INFERRED),
                          rows, error);
}

enum error_code
command_doctor_inferred(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    struct rows *rows;
    if (look(doctor, &rows, error))
        return error->code;
    int64_t inferred = rows_integer(rows, 0, INFERRED);
    if (inferred)
        (void)command_doctor_say(
            finding, COMMAND_DOCTOR_WARN,
            "tapemill dimension check lists them; add them at the source, or see that its extraction "
            "query shows them",
            "named by facts, not shown by the source for more than a day: %" PRId64 " (%s)", inferred,
            rows_text(rows, 0, EXAMPLE));
    else
        (void)command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "none for more than a day");
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
command_doctor_deletes(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    struct rows *rows;
    if (look(doctor, &rows, error))
        return error->code;
    const char *refused = rows_text(rows, 0, REFUSED);
    if (refused[0])
        (void)command_doctor_say(finding, COMMAND_DOCTOR_FAIL,
                                 "tapemill quality has the figures; if they are gone for good: tapemill enqueue "
                                 "sync_dimensions --arg deletes=all",
                                 "too many members were gone at once: %s", refused);
    else
        (void)command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "none");
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
command_doctor_rekeying(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    struct rows *rows;
    if (look(doctor, &rows, error))
        return error->code;
    int64_t dead = rows_integer(rows, 0, DEAD);
    if (dead)
        (void)command_doctor_say(finding, COMMAND_DOCTOR_WARN, "tapemill dead retry --job rekey_facts",
                                 "dates whose facts were not moved to another version, as the job is dead: %" PRId64,
                                 dead);
    else
        (void)command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "no job of it is dead");
    rows_free(rows);
    return ERROR_NONE;
}
