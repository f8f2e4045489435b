#include "scheduler/absence.h"

void
absence_clear(struct absence *absence)
{
    absence->counts[0] = absence->counts[1] = absence->position = 0;
    absence->current = 0;
}

bool
absence_note(struct absence *absence, int64_t job_id, int64_t fence, int64_t now_ms, int64_t patience_ms)
{
    const struct absence_entry *before = absence->lists[!absence->current];
    size_t before_count = absence->counts[!absence->current], *count = &absence->counts[absence->current];
    struct absence_entry entry = {job_id, fence, now_ms};
    while (absence->position < before_count && before[absence->position].job_id < job_id)
        absence->position++;
    if (absence->position < before_count && before[absence->position].job_id == job_id &&
        before[absence->position].fence == fence)
        entry.since_ms = before[absence->position].since_ms;
    if (*count < ABSENCE_MAX)
        absence->lists[absence->current][(*count)++] = entry;
    return now_ms - entry.since_ms >= patience_ms;
}

void
absence_end_pass(struct absence *absence)
{
    absence->current = !absence->current;
    absence->counts[absence->current] = 0;
    absence->position = 0;
}
