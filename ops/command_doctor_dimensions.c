/* Checks of what the dimensions say: see command_doctor.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/sql.h"
#include "jobs/dimension.h"
#include "ops/command_doctor.h"

#define HOURS_INFERRED "24" /* a member may arrive after its facts; not for longer */

enum { MEMBERS, MEMBER, GAPS, GAP };

/* The dimension of a table at the source; NULL: of none any more. */
static const char *
dimension_of(const char *source_table)
{
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (strcmp(dimension_extracts[i].name, source_table) == 0)
            return dimension_name((enum dimension)i);
    return NULL;
}

/* A gap that is over is nobody's fault: facts are of a time at which the source had deleted their member. */
enum error_code
command_doctor_inferred(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char gaps[160] = "";
    struct rows *rows;
    if (database_query(doctor->warehouse, sql_text("ops/doctor", "inferred"), DATABASE_VALUES(HOURS_INFERRED), &rows,
                       error))
        return error->code;
    int64_t members = rows_integer(rows, 0, MEMBERS);
    if (rows_integer(rows, 0, GAPS))
        (void)snprintf(gaps, sizeof(gaps),
                       "; gaps between a delete and a return that facts lie in: %" PRId64 " (%.64s)",
                       rows_integer(rows, 0, GAPS), rows_text(rows, 0, GAP));
    if (members)
        (void)command_doctor_say(
            finding, COMMAND_DOCTOR_WARN,
            "tapemill dimension check lists them; add them at the source, or see that its extraction "
            "query shows them",
            "named by facts, not shown by the source for more than a day: %" PRId64 " (%s)%s", members,
            rows_text(rows, 0, MEMBER), gaps);
    else
        (void)command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "none for more than a day%s", gaps);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
command_doctor_deletes(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char tables[160] = "",
         remedy[COMMAND_DOCTOR_TEXT_BYTES] = "tapemill quality has the figures; if they are gone for good:";
    struct rows *rows;
    if (database_query(doctor->warehouse, sql_text("ops/doctor", "deletes_refused"), 0, NULL, &rows, error))
        return error->code;
    for (size_t i = 0; i < rows_count(rows); i++) {
        size_t length = strlen(tables), used = strlen(remedy);
        const char *dimension = dimension_of(rows_text(rows, i, 0));
        (void)snprintf(tables + length, sizeof(tables) - length, "%s%.32s", i ? ", " : "", rows_text(rows, i, 0));
        if (dimension)
            (void)snprintf(remedy + used, sizeof(remedy) - used,
                           "%s tapemill enqueue sync_dimensions --arg deletes=all --arg dimension=%s", i ? ";" : "",
                           dimension);
    }
    if (rows_count(rows))
        (void)command_doctor_say(finding, COMMAND_DOCTOR_FAIL, remedy, "too many members were gone at once: %s",
                                 tables);
    else
        (void)command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "none");
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
command_doctor_rekeying(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char dates[24];
    if (database_value(doctor->warehouse, sql_text("ops/doctor", "rekey_dead"), 0, NULL, dates, sizeof(dates), error))
        return error->code;
    if (strcmp(dates, "0") == 0)
        return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "no job of it is dead");
    return command_doctor_say(finding, COMMAND_DOCTOR_WARN, "tapemill dead retry --job rekey_facts",
                              "dates whose facts were not moved to another version, as the job is dead: %s", dates);
}
