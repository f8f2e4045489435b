/* tapemill-worker: pulls jobs and runs them. `tapemill-worker --runner` is how the keeper starts its child. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/log.h"
#include "worker/keeper.h"
#include "worker/runner.h"

enum { RUNNER_SOCKET = 3 };

static void
print_help(FILE *out)
{
    fputs("usage: tapemill-worker [--queues NAME,NAME...]\n"
          "\n"
          "Pulls jobs from Redis and runs them against the warehouse, one at a time; run as many workers as you like.\n"
          "Waits for servers that are away. SIGTERM: takes no more jobs, lets the one at hand finish within\n"
          "TAPEMILL_DRAIN_SECONDS, else gives it back. A second SIGTERM gives it back at once.\n"
          "\n"
          "  --queues LIST  queues to pull, most urgent first (default: TAPEMILL_QUEUES)\n"
          "  --help         this text\n"
          "  --version      the version\n"
          "\n"
          "Settings come from the environment; `tapemill config` lists them.\n",
          out);
}

/* Splits "a,b,c" in place. */
static size_t
split_queues(char *list, const char **queues)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *name = strtok_r(list, ", ", &rest); name && count < KEEPER_QUEUES_MAX;
         name = strtok_r(NULL, ", ", &rest))
        queues[count++] = name;
    return count;
}

static int
usage(const char *what, const char *word)
{
    fprintf(stderr, "tapemill-worker: %s \"%s\"; see tapemill-worker --help\n", what, word);
    return 2;
}

int
main(int argc, char **argv)
{
    struct error error;
    const char *list = NULL, *queues[KEEPER_QUEUES_MAX];
    char copy[1024];
    bool is_runner = argc == 2 && strcmp(argv[1], "--runner") == 0;
    for (int i = 1; i < argc && !is_runner; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return print_help(stdout), 0;
        if (strcmp(argv[i], "--version") == 0)
            return puts("tapemill-worker " TAPEMILL_VERSION), 0;
        if (strcmp(argv[i], "--queues") != 0 || i + 1 == argc)
            return usage("unknown or incomplete argument", argv[i]);
        list = argv[++i];
    }
    if (config_load(&error)) {
        fprintf(stderr, "tapemill-worker: %s\n", error.message);
        return 2;
    }
    log_init(is_runner ? "runner" : "worker", (enum log_level)log_level_from_name(config_text(CONFIG_LOG_LEVEL)));
    if (is_runner)
        return runner_main(RUNNER_SOCKET, getppid());
    (void)snprintf(copy, sizeof(copy), "%s", list ? list : config_text(CONFIG_QUEUES));
    size_t count = split_queues(copy, queues);
    if (!count)
        return usage("no queue in", list ? list : "");
    return keeper_main(queues, count);
}
