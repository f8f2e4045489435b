#include "ops/command_doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "ops/command.h"

enum { FINDINGS_MAX = 40 };

static const char *const status_names[] = {"ok", "warn", "fail"};
static const char *const status_colors[] = {"\033[32m", "\033[33m", "\033[1;31m"};

enum error_code
command_doctor_say(struct command_doctor_finding *finding, enum command_doctor_status status, const char *remedy,
                   const char *format, ...)
{
    va_list arguments;
    finding->status = status;
    va_start(arguments, format);
    (void)vsnprintf(finding->text, sizeof(finding->text), format, arguments);
    va_end(arguments);
    (void)snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy ? remedy : "");
    return ERROR_NONE;
}

/* ---- running the checks -------------------------------------------------------------------------------------- */

static bool
is_possible(const struct command_doctor *doctor, enum command_doctor_need need)
{
    switch (need) {
    case COMMAND_DOCTOR_WAREHOUSE:
        return doctor->warehouse != NULL;
    case COMMAND_DOCTOR_SCHEMA:
        return doctor->schema_fits;
    case COMMAND_DOCTOR_REDIS:
        return doctor->redis != NULL;
    case COMMAND_DOCTOR_REDIS_AND_SCHEMA:
        return doctor->redis && doctor->schema_fits;
    case COMMAND_DOCTOR_NOTHING:
        break;
    }
    return true;
}

static void
run_checks(struct command_doctor *doctor, const struct command_doctor_check *checks,
           struct command_doctor_finding *findings, size_t *count)
{
    for (; checks->name && *count < FINDINGS_MAX; checks++) {
        struct command_doctor_finding *finding = &findings[*count];
        struct error error;
        if (!is_possible(doctor, checks->need))
            continue;
        finding->name = checks->name;
        if (checks->run(doctor, finding, &error))
            (void)command_doctor_say(finding, COMMAND_DOCTOR_FAIL, checks->remedy, "%s", error.message);
        (*count)++;
    }
}

static void
examine(struct command_doctor_finding *findings, size_t *count)
{
    struct command_doctor doctor = {NULL, NULL, false};
    struct error error;
    findings[0].name = "configuration";
    *count = 1;
    if (config_load(&error)) {
        (void)command_doctor_say(&findings[0], COMMAND_DOCTOR_FAIL, "set it in the environment or in .env", "%s",
                                 error.message);
        return;
    }
    (void)command_doctor_say(&findings[0], COMMAND_DOCTOR_OK, NULL, "every setting has a sound value");
    run_checks(&doctor, command_doctor_server_checks, findings, count);
    run_checks(&doctor, command_doctor_work_checks, findings, count);
    database_close(doctor.warehouse);
    redis_client_free(doctor.redis);
}

/* ---- printing ------------------------------------------------------------------------------------------------ */

static enum error_code
print_json(const struct command_doctor_finding *findings, size_t count, struct error *error)
{
    static const struct command_column columns[] = {{"check", COMMAND_KIND_TEXT},
                                                    {"status", COMMAND_KIND_TEXT},
                                                    {"finding", COMMAND_KIND_TEXT},
                                                    {"remedy", COMMAND_KIND_TEXT}};
    struct command_style style = {.form = COMMAND_FORM_JSON};
    const char *cells[FINDINGS_MAX * 4];
    for (size_t i = 0; i < count; i++) {
        cells[i * 4] = findings[i].name;
        cells[i * 4 + 1] = status_names[findings[i].status];
        cells[i * 4 + 2] = findings[i].text;
        cells[i * 4 + 3] = findings[i].remedy[0] ? findings[i].remedy : NULL;
    }
    struct command_grid grid = {columns, 4, cells, count};
    return command_print_grid(stdout, &grid, &style, error);
}

static void
print_text(const struct command_doctor_finding *findings, size_t count)
{
    bool colored = isatty(STDOUT_FILENO) == 1 && !getenv("NO_COLOR");
    int width = 0;
    for (size_t i = 0; i < count; i++)
        width = (int)strlen(findings[i].name) > width ? (int)strlen(findings[i].name) : width;
    for (size_t i = 0; i < count; i++) {
        enum command_doctor_status status = findings[i].status;
        printf("%s%-4s%s  %-*s  %s\n", colored ? status_colors[status] : "", status_names[status],
               colored ? "\033[0m" : "", width, findings[i].name, findings[i].text);
        if (findings[i].remedy[0])
            printf("      %-*s  -> %s\n", width, "", findings[i].remedy);
    }
}

static enum error_code
run_doctor(const struct command_line *line, struct error *error)
{
    static struct command_doctor_finding findings[FINDINGS_MAX];
    size_t count = 0, numbers[3] = {0};
    enum error_code code = ERROR_NONE;
    examine(findings, &count);
    for (size_t i = 0; i < count; i++)
        numbers[findings[i].status]++;
    if (command_flag(line, "--json"))
        code = print_json(findings, count, error);
    else
        print_text(findings, count);
    if (!code && numbers[COMMAND_DOCTOR_FAIL])
        return error_set(error, ERROR_GATE, "doctor: %zu of %zu checks fail", numbers[COMMAND_DOCTOR_FAIL], count);
    return code;
}

const struct command command_doctor = {
    .name = "doctor",
    .usage = "",
    .summary = "check configuration, servers, schema, queues and work; every finding has a remedy",
    .detail = "Changes nothing. Exit code 1 when a check fails; warnings alone are 0.",
    .options = (const struct command_option[]){{"--json", NULL, "print JSON", false}, {0}},
    .run = run_doctor,
    .without_config = true,
};
