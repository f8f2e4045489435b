#include "core/history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/config.h"
#include "core/error.h"
#include "core/log.h"

enum { LINE_BYTES = 512 };

static struct {
    bool decided; /* whether events are noted */
    int file;     /* -1: they are not */
} state = {false, -1};

static int64_t
boottime_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void write_line(const char *format, ...) ERROR_PRINTF(1, 2);

static void
write_line(const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (length <= 0 || length >= LINE_BYTES || write(state.file, line, (size_t)length) == length)
        return;
    log_warn("the history cannot be written any more", LOG_TEXT("error", strerror(errno)));
    (void)close(state.file);
    state.file = -1;
}

/* The boot that instants count from. */
static void
read_boot(char boot[64])
{
    (void)snprintf(boot, 64, "unknown");
    int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, boot, 63);
    if (file >= 0)
        (void)close(file);
    if (length > 0)
        boot[length] = 0;
    boot[strcspn(boot, "\n")] = 0;
}

static void
decide(void)
{
    char path[4096], boot[64];
    const char *directory = config_text(CONFIG_HISTORY_DIR);
    state.decided = true;
    if (!directory || !directory[0])
        return;
    (void)snprintf(path, sizeof(path), "%s/%s.%d.%" PRId64, directory, program_invocation_short_name, (int)getpid(),
                   boottime_us());
    state.file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (state.file < 0) {
        log_warn("TAPEMILL_HISTORY_DIR: no history is written, as its file cannot be made", LOG_TEXT("path", path),
                 LOG_TEXT("error", strerror(errno)));
        return;
    }
    read_boot(boot);
    write_line("history 1 %d %d %s\n", (int)getpid(), (int)getppid(), boot);
}

bool
history_is_on(void)
{
    if (!state.decided)
        decide();
    return state.file >= 0;
}

void
history_note(enum history_event event, int64_t job_id, int64_t number)
{
    if (history_is_on())
        write_line("%" PRId64 " %s %" PRId64 " %" PRId64 "\n", boottime_us(), history_event_name(event), job_id,
                   number);
}

void
history_tick(const char *schedule, int64_t tick_us, int64_t job_id)
{
    if (history_is_on())
        write_line("%" PRId64 " tick %" PRId64 " %" PRId64 " %.200s\n", boottime_us(), job_id, tick_us, schedule);
}

const char *
history_event_name(enum history_event event)
{
    static const char *const names[] = {
#define HISTORY_EVENT_NAME(id, name) name,
        HISTORY_EVENTS(HISTORY_EVENT_NAME)
#undef HISTORY_EVENT_NAME
    };
    return event < HISTORY_EVENT_COUNT ? names[event] : "";
}
