#include "scheduler/alert_text.h"

#include <string.h>

/* The longest beginning of text that has at most `most` bytes and ends with a whole character. */
static size_t
whole_length(const char *text, size_t most)
{
    size_t length = strlen(text);
    if (length <= most)
        return length;
    length = most;
    while (length && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    return length;
}

static void
append_escaped(struct buffer *buffer, const char *text, size_t most_bytes)
{
    size_t length = whole_length(text, most_bytes);
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '&':
            buffer_text(buffer, "&amp;");
            break;
        case '<':
            buffer_text(buffer, "&lt;");
            break;
        case '>':
            buffer_text(buffer, "&gt;");
            break;
        default:
            buffer_append(buffer, &text[i], 1);
        }
    }
    if (text[length])
        buffer_text(buffer, " ...");
}

/* The body, and whatever of the job it does not say. */
static void
append_detail(struct buffer *text, const struct alert_entry *entry)
{
    append_escaped(text, entry->body, ALERT_TEXT_BODY_BYTES);
    if (!entry->job_id[0])
        return;
    if (entry->job_name[0] && !strstr(entry->title, entry->job_name) && !strstr(entry->body, entry->job_name))
        buffer_format(text, "\nJob %s, %s", entry->job_id, entry->job_name);
    if (entry->job_error[0] && !strstr(entry->body, entry->job_error)) {
        buffer_text(text, "\nError: ");
        append_escaped(text, entry->job_error, ALERT_TEXT_BODY_BYTES);
    }
    if (!strstr(entry->body, "tapemill dead show"))
        buffer_format(text, "\nLook: `tapemill dead show %s`", entry->job_id);
}

static void
append_ids(struct buffer *text, const struct alert_entry *entries, size_t count)
{
    buffer_text(text, count > 1 ? "\nalerts " : "\nalert ");
    for (size_t i = 0; i < count && i < ALERT_TEXT_IDS; i++)
        buffer_format(text, "%s%s", i ? ", " : "", entries[i].id);
    if (count > ALERT_TEXT_IDS)
        buffer_format(text, " ... %s", entries[count - 1].id);
}

void
alert_text_write(struct buffer *text, const struct alert_entry *entries, size_t count)
{
    const struct alert_entry *newest = &entries[count - 1];
    buffer_format(text, "*[%s] ", newest->severity);
    if (count == 1) {
        append_escaped(text, newest->title, ALERT_TEXT_TITLE_BYTES);
        buffer_text(text, "*\n");
    } else {
        buffer_format(text, "%zu alerts of ", count);
        append_escaped(text, newest->cause, ALERT_TEXT_TITLE_BYTES);
        buffer_format(text, "* from %s to %s\n", entries[0].created_at, newest->created_at);
        for (size_t i = 0; i < count && i < ALERT_TEXT_LISTED; i++) {
            buffer_text(text, "- ");
            append_escaped(text, entries[i].title, ALERT_TEXT_TITLE_BYTES);
            buffer_text(text, "\n");
        }
        if (count > ALERT_TEXT_LISTED)
            buffer_format(text, "- and %zu more\n", count - ALERT_TEXT_LISTED);
        buffer_text(text, "The newest: ");
        append_escaped(text, newest->title, ALERT_TEXT_TITLE_BYTES);
        buffer_text(text, "\n");
    }
    append_detail(text, newest);
    append_ids(text, entries, count);
}
