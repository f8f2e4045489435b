/* scheduler/alert_text.h - what an alert says on Slack.
 *
 * One alert: its severity and title, its body, its job with the command to look at it, its id. Several of one cause
 * become one message: how many, from when to when, the first ALERT_TEXT_LISTED of them in a line each, the newest in
 * full.
 *
 * Slack reads &, < and > as markup (and could be made to call a whole channel): they are escaped, as Slack documents
 * for message text. Long titles and bodies are cut, never within a character. */
#ifndef TAPEMILL_SCHEDULER_ALERT_TEXT_H
#define TAPEMILL_SCHEDULER_ALERT_TEXT_H

#include <stddef.h>

#include "core/buffer.h"

enum { ALERT_TEXT_LISTED = 10, ALERT_TEXT_IDS = 20, ALERT_TEXT_TITLE_BYTES = 200, ALERT_TEXT_BODY_BYTES = 1500 };

/* All texts; "" where there is none. */
struct alert_entry {
    const char *id, *cause, *severity, *title, *body;
    const char *job_id, *job_name, *job_error;
    const char *created_at;
};

/* Appends the message about one cause's alerts (at least one, oldest first). */
void alert_text_write(struct buffer *text, const struct alert_entry *entries, size_t count);

#endif
