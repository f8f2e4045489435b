/* Checks of the servers: can they be reached, are they what we need. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/migration.h"
#include "core/sql.h"
#include "jobs/extract.h"
#include "ops/command_doctor.h"

enum { POSTGRES_VERSION_LEAST = 150000, SKEW_WARN_MS = 1000, SHOWN_BYTES = 160 };

#define SQL(name) sql_text("ops/doctor", name)

static enum error_code
check_warehouse(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    struct rows *rows;
    enum error_code code = database_open(&doctor->warehouse, DATABASE_WAREHOUSE, "tapemill doctor", error);
    if (!code)
        code = database_query(doctor->warehouse, SQL("server"), 0, NULL, &rows, error);
    if (code)
        return code;
    bool new_enough = rows_integer(rows, 0, 1) >= POSTGRES_VERSION_LEAST;
    (void)command_doctor_say(finding, new_enough ? COMMAND_DOCTOR_OK : COMMAND_DOCTOR_FAIL,
                             new_enough ? NULL : "PostgreSQL 15 or newer is needed",
                             "PostgreSQL %s, database %s, role %s", rows_text(rows, 0, 0), rows_text(rows, 0, 2),
                             rows_text(rows, 0, 3));
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
check_schema(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    if (migration_check(doctor->warehouse, error))
        return error->code;
    doctor->schema_fits = true;
    return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "version %d, as this binary knows it",
                              migration_known_version());
}

/* The server knew the zone when we connected; here it is only told. */
static enum error_code
check_time_zone(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char known[8];
    const char *zone = config_text(CONFIG_TIMEZONE);
    if (database_value(doctor->warehouse, SQL("time_zone"), DATABASE_VALUES(zone), known, sizeof(known), error))
        return error->code;
    bool ok = known[0] == 't';
    return command_doctor_say(finding, ok ? COMMAND_DOCTOR_OK : COMMAND_DOCTOR_FAIL,
                              ok ? NULL : "set TAPEMILL_TIMEZONE to an IANA name such as America/New_York",
                              "%s, business dates begin at %s", zone, config_text(CONFIG_DAY_ROLL));
}

static enum error_code
check_source(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    struct database *source;
    struct rows *rows = NULL;
    (void)doctor;
    enum error_code code = database_open(&source, DATABASE_SOURCE, "tapemill doctor", error);
    if (!code)
        code = database_query(source, SQL("source"), 0, NULL, &rows, error);
    if (!code) {
        bool sees = rows_boolean(rows, 0, 3);
        char remedy[SHOWN_BYTES];
        (void)snprintf(remedy, sizeof(remedy), "on the source: grant pg_read_all_stats to %s", rows_text(rows, 0, 2));
        (void)command_doctor_say(finding, sees ? COMMAND_DOCTOR_OK : COMMAND_DOCTOR_WARN, sees ? NULL : remedy,
                                 "PostgreSQL %s, database %s, role %s%s", rows_text(rows, 0, 0), rows_text(rows, 0, 1),
                                 rows_text(rows, 0, 2),
                                 sees ? "" : ", which does not see other sessions' transactions");
    }
    rows_free(rows);
    database_close(source);
    return code;
}

/* The contracts of all extraction queries, before a load trips over one. */
static enum error_code
check_extractions(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    struct database *source;
    size_t count;
    const struct extract_definition *const *all = extract_all(&count);
    (void)doctor;
    enum error_code code = database_open(&source, DATABASE_SOURCE, "tapemill doctor", error);
    for (size_t i = 0; !code && i < count; i++)
        code = extract_check(source, all[i], error);
    database_close(source);
    if (code)
        return code;
    return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "%zu queries deliver the columns that were agreed",
                              count);
}

/* ---- Redis --------------------------------------------------------------------------------------------------- */

/* The value of one line "name:value" of INFO, "" if there is none. */
static enum error_code
read_info(struct redis_client *client, const char *section, const char *name, char value[SHOWN_BYTES],
          struct error *error)
{
    struct redis_reply reply;
    char line[64];
    if (redis_call(client, 2, (const char *const[]){"INFO", section}, &reply, error))
        return error->code;
    (void)snprintf(line, sizeof(line), "\n%s:", name);
    const char *found = reply.type == REDIS_TEXT ? strstr(reply.text, line) : NULL;
    found = found ? found + strlen(line) : "";
    (void)snprintf(value, SHOWN_BYTES, "%.*s", (int)strcspn(found, "\r\n"), found);
    redis_reply_free(&reply);
    return ERROR_NONE;
}

static enum error_code
check_redis(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char version[SHOWN_BYTES], shown[SHOWN_BYTES];
    struct redis_client *client = NULL;
    enum error_code code = redis_client_create(&client, error);
    if (!code)
        code = redis_call(client, 1, (const char *const[]){"PING"}, NULL, error);
    if (!code)
        code = read_info(client, "server", "redis_version", version, error);
    if (code) {
        redis_client_free(client);
        return code;
    }
    doctor->redis = client;
    config_show(CONFIG_REDIS_URL, shown, sizeof(shown));
    return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "Redis %s at %s, keys under {%s}", version, shown,
                              config_text(CONFIG_NAMESPACE));
}

static enum error_code
check_eviction(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char policy[SHOWN_BYTES] = "", limit[SHOWN_BYTES] = "";
    if (read_info(doctor->redis, "memory", "maxmemory_policy", policy, error) ||
        read_info(doctor->redis, "memory", "maxmemory_human", limit, error))
        return error->code;
    bool ok = strcmp(policy, "noeviction") == 0, limited = limit[0] && strcmp(limit, "0B") != 0;
    return command_doctor_say(finding, ok ? COMMAND_DOCTOR_OK : COMMAND_DOCTOR_FAIL,
                              ok ? NULL : "set maxmemory-policy noeviction in redis.conf: evicted keys are lost queues",
                              "maxmemory-policy %s, maxmemory %s", policy, limited ? limit : "unlimited");
}

static enum error_code
read_redis_clock(struct redis_client *client, int64_t *unix_ms, struct error *error)
{
    struct redis_reply reply;
    if (redis_call(client, 1, (const char *const[]){"TIME"}, &reply, error))
        return error->code;
    bool ok = reply.type == REDIS_LIST && reply.count == 2;
    *unix_ms = ok ? strtoll(reply.parts[0].text, NULL, 10) * 1000 + strtoll(reply.parts[1].text, NULL, 10) / 1000 : 0;
    redis_reply_free(&reply);
    return ok ? ERROR_NONE : error_set(error, ERROR_REDIS, "Redis answered TIME with something else than a time");
}

static enum error_code
check_clocks(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    int64_t redis_ms = 0, lease_ms = config_integer(CONFIG_LEASE_SECONDS) * 1000;
    struct rows *rows;
    if (database_query(doctor->warehouse, SQL("server"), 0, NULL, &rows, error))
        return error->code;
    int64_t skew_ms = rows_integer(rows, 0, 4);
    rows_free(rows);
    if (read_redis_clock(doctor->redis, &redis_ms, error))
        return error->code;
    skew_ms = llabs(redis_ms - skew_ms);
    enum command_doctor_status status = skew_ms > lease_ms       ? COMMAND_DOCTOR_FAIL
                                        : skew_ms > SKEW_WARN_MS ? COMMAND_DOCTOR_WARN
                                                                 : COMMAND_DOCTOR_OK;
    return command_doctor_say(finding, status, status ? "let both machines follow the same time servers" : NULL,
                              "PostgreSQL and Redis are %" PRId64 " ms apart", skew_ms);
}

const struct command_doctor_check command_doctor_server_checks[] = {
    {"warehouse", COMMAND_DOCTOR_NOTHING, check_warehouse,
     "start the server, or set TAPEMILL_WAREHOUSE_URL to one that runs"},
    {"schema", COMMAND_DOCTOR_WAREHOUSE, check_schema, NULL},
    {"time zone", COMMAND_DOCTOR_WAREHOUSE, check_time_zone, NULL},
    {"source", COMMAND_DOCTOR_NOTHING, check_source, "start the server, or set TAPEMILL_SOURCE_URL to one that runs"},
    {"extraction", COMMAND_DOCTOR_NOTHING, check_extractions, NULL},
    {"redis", COMMAND_DOCTOR_NOTHING, check_redis, "start the server, or set TAPEMILL_REDIS_URL to one that runs"},
    {"redis memory", COMMAND_DOCTOR_REDIS, check_eviction, NULL},
    {"clocks", COMMAND_DOCTOR_REDIS_AND_SCHEMA, check_clocks, NULL},
    {NULL, COMMAND_DOCTOR_NOTHING, NULL, NULL},
};
