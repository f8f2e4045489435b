/* tapemill-scheduler: decides what is due. It keeps nothing: any number may run, any of them may be killed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/log.h"
#include "scheduler/cycle.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 2, STOP_SECONDS = 2, BUSY_FACTOR = 5 };

static const char help[] =
    "Usage: tapemill-scheduler\n"
    "\n"
    "Enqueues what the stored schedule says (tapemill schedule) and the dates of backfills, makes delayed jobs ready,\n"
    "gives the jobs of lost workers to others, repairs Redis from the ledger, and delivers alerts. Run as many as you\n"
    "like: one leads, the others stand by and take over within seconds. Servers that are away are waited for. SIGTERM\n"
    "and SIGINT stop it at once.\n"
    "\n"
    "  --help     this text\n"
    "  --version  the version\n"
    "\n"
    "Settings, from the environment:\n";

static const enum config_id settings_used[] = {
    CONFIG_WAREHOUSE_URL,     CONFIG_REDIS_URL,         CONFIG_NAMESPACE,         CONFIG_TIMEZONE,
    CONFIG_DAY_ROLL,          CONFIG_SCHEDULER_TICK_MS, CONFIG_RECONCILE_SECONDS, CONFIG_LEASE_SECONDS,
    CONFIG_SLACK_WEBHOOK_URL, CONFIG_LOG_LEVEL,
};

/* ---- stopping ---------------------------------------------------------------------------------------------- */

static int stop_pipe[2] = {-1, -1};

/* SIGTERM, SIGINT: wakes the loop. Should it hang in a call to a server, SIGALRM ends the process all the same: there
 * is nothing it would have to finish. */
static void
stop(int signal_number)
{
    int saved = errno;
    if (signal_number == SIGALRM)
        _exit(EXIT_DONE);
    ssize_t written = write(stop_pipe[1], "", 1);
    (void)written;
    (void)alarm(STOP_SECONDS);
    errno = saved;
}

static enum error_code
catch_signals(struct error *error)
{
    const int caught[] = {SIGTERM, SIGINT, SIGALRM};
    struct sigaction action = {.sa_handler = stop};
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK))
        return error_set(error, ERROR_IO, "a pipe could not be made: %s", strerror(errno));
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        (void)sigaction(caught[i], &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return ERROR_NONE;
}

static bool
must_stop(void)
{
    char byte;
    return read(stop_pipe[0], &byte, 1) == 1;
}

/* ---- running ----------------------------------------------------------------------------------------------- */

static void
run(struct cycle *cycle)
{
    int64_t tick_ms = config_integer(CONFIG_SCHEDULER_TICK_MS);
    for (;;) {
        int64_t next_ms = clock_monotonic_ms() + tick_ms;
        if (cycle_tick(cycle))
            next_ms -= tick_ms - tick_ms / BUSY_FACTOR;
        for (int64_t left_ms = 0; (left_ms = next_ms - clock_monotonic_ms()) > 0;) {
            if (cycle_wait(cycle, stop_pipe[0], left_ms))
                next_ms = 0;
            if (must_stop())
                return;
        }
        if (must_stop())
            return;
    }
}

static void
print_help(void)
{
    fputs(help, stdout);
    for (size_t i = 0; i < sizeof(settings_used) / sizeof(settings_used[0]); i++) {
        const struct config_setting *setting = config_setting(settings_used[i]);
        printf("  %-28s %s", setting->name, setting->help);
        if (setting->initial)
            printf(" (%s)", setting->initial);
        fputs("\n", stdout);
    }
}

/* True when the command line was answered; *status is then the exit code. */
static bool
answer_command_line(int argc, char **argv, int *status)
{
    if (argc < 2)
        return false;
    *status = EXIT_DONE;
    if (strcmp(argv[1], "--help") == 0)
        print_help();
    else if (strcmp(argv[1], "--version") == 0)
        puts("tapemill-scheduler " TAPEMILL_VERSION);
    else {
        fprintf(stderr, "tapemill-scheduler: unknown argument \"%s\"; it takes none but --help and --version\n",
                argv[1]);
        *status = EXIT_USAGE;
    }
    return true;
}

int
main(int argc, char **argv)
{
    static struct cycle cycle;
    struct error error;
    int status;
    if (answer_command_line(argc, argv, &status))
        return status;
    enum error_code code = config_load(&error);
    if (!code)
        log_init("scheduler", (enum log_level)log_level_from_name(config_text(CONFIG_LOG_LEVEL)));
    if (!code)
        code = cycle_init(&cycle, &error);
    if (!code)
        code = catch_signals(&error);
    if (code) {
        fprintf(stderr, "tapemill-scheduler: %s\n", error.message);
        cycle_term(&cycle);
        return code == ERROR_CONFIG || code == ERROR_USAGE ? EXIT_USAGE : 1;
    }
    log_info("started", LOG_NUMBER("tick_ms", config_integer(CONFIG_SCHEDULER_TICK_MS)),
             LOG_TEXT("alerts", config_text(CONFIG_SLACK_WEBHOOK_URL) ? "delivered" : "kept in etl_alerts only"));
    run(&cycle);
    log_info("stopped");
    cycle_term(&cycle);
    return EXIT_DONE;
}
