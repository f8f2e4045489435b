/* scheduler/alert.h - delivers etl_alerts to a Slack-compatible webhook (TAPEMILL_SLACK_WEBHOOK_URL).
 *
 * Delivery never holds up anything: a message is started, and looked at again in later ticks. The pending alerts of one
 * cause become one message. A cause is first claimed in the outbox for ALERT_CLAIM_MS (so that two schedulers do not
 * send it twice), then posted; an answer of 2xx marks its alerts delivered, anything else makes them due again after a
 * pause that grows, with jitter. No alert is lost; a kill between the answer and its mark sends one twice, which its id
 * tells. Without an address nothing is sent and alerts stay in the outbox.
 *
 * The address is a secret: errors say what went wrong without it. */
#ifndef TAPEMILL_SCHEDULER_ALERT_H
#define TAPEMILL_SCHEDULER_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/database.h"
#include "core/http.h"
#include "scheduler/outage.h"

enum {
    ALERT_MESSAGES_MAX = 4,   /* under way at once */
    ALERT_GROUP_MAX = 1000,   /* alerts in one message */
    ALERT_TIMEOUT_MS = 10000, /* of one request */
    ALERT_CLAIM_MS = 30000,
    ALERT_GATHER_MS = 5000, /* after a message, alerts of the same cause gather so long */
    ALERT_LOOK_MS = 250,    /* how often the outbox is looked at */
    ALERT_FIRST_PAUSE_MS = 5000,
    ALERT_LONGEST_PAUSE_MS = 300000,
    ALERT_ERROR_BYTES = 200,
};

/* A message under way. */
struct alert_message {
    char *ids; /* the alerts' ids as PostgreSQL's array text, malloc'd; NULL: this place is free */
    int64_t attempts;
    bool answered;                   /* only the mark in the outbox is missing */
    char failure[ALERT_ERROR_BYTES]; /* "" when delivered */
};

struct alert_delivery {
    struct http_client *http;
    const char *url; /* NULL: nothing is sent */
    int64_t look_ms;
    struct alert_message messages[ALERT_MESSAGES_MAX];
    struct outage outage; /* of the webhook */
};

void alert_init(struct alert_delivery *delivery, struct http_client *http, const char *url);
void alert_term(struct alert_delivery *delivery);

/* Moves requests on and takes their answers. Needs no warehouse, never waits. True when there was one to be marked. */
bool alert_poll(struct alert_delivery *delivery);

/* Marks what was answered; with may_start also starts new messages. */
ERROR_MUST_CHECK enum error_code alert_advance(struct alert_delivery *delivery, bool may_start,
                                               struct database *database, int64_t now_ms, struct error *error);

/* Why an answer is no delivery, as it stands in etl_alerts.last_error and in the log; "" for a status of 2xx. */
void alert_describe(const struct http_result *result, char text[ALERT_ERROR_BYTES]);

/* The pause after so many attempts, without jitter. */
int64_t alert_pause_ms(int64_t attempts);

#endif
