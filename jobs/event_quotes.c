/* jobs/event_quotes.c - quotes: every one whose spread changed, weight 1, and of the others one in ten, weight 10.
 *
 * Which ones is a function of the quote's identity alone (docs/numbers.md, "Sampling"), so that a replay and every
 * other path by which quotes come choose the same: SHA-256 of TENANT/REFERENCE, of which the first four bytes, as a
 * big-endian number, are divisible by ten. The reference is the quote's id in decimal; a quote without one is known by
 * "sha256:" and the SHA-256 of what it says. */
#include "jobs/event_fact.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/decimal.h"
#include "core/sha256.h"

enum quote_column {
    QUOTE_ID,
    TENANT_ID,
    LP_ID,
    INSTRUMENT_ID,
    QUOTED_AT,
    BID,
    ASK,
    BID_SIZE,
    ASK_SIZE,
    IS_STALE,
    SPREAD_CHANGED,
    LATENCY_MS,
    UPDATED_AT,
    COLUMNS
};

static const struct extract_column columns[COLUMNS] = {
    [QUOTE_ID] = {"quote_id", EXTRACT_BIGINT},
    [TENANT_ID] = {"tenant_id", EXTRACT_UUID},
    [LP_ID] = {"lp_id", EXTRACT_UUID},
    [INSTRUMENT_ID] = {"instrument_id", EXTRACT_INTEGER},
    [QUOTED_AT] = {"quoted_at", EXTRACT_TIMESTAMPTZ},
    [BID] = {"bid", EXTRACT_NUMERIC},
    [ASK] = {"ask", EXTRACT_NUMERIC},
    [BID_SIZE] = {"bid_size", EXTRACT_NUMERIC},
    [ASK_SIZE] = {"ask_size", EXTRACT_NUMERIC},
    [IS_STALE] = {"is_stale", EXTRACT_BOOLEAN},
    [SPREAD_CHANGED] = {"spread_changed", EXTRACT_BOOLEAN},
    [LATENCY_MS] = {"latency_ms", EXTRACT_NUMERIC},
    [UPDATED_AT] = {"updated_at", EXTRACT_TIMESTAMPTZ},
};

const struct extract_definition event_quotes_extract = {"quotes", columns, COLUMNS};

enum { UUID_BYTES = 16, UUID_TEXT_BYTES = 37, REFERENCE_BYTES = 80, PAYLOAD_BYTES = 1024, SAMPLE_ONE_IN = 10 };

/* "" for NULL. */
static void
put_uuid(const struct copy_field *field, char text[UUID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    size_t length = 0;
    for (int i = 0; field->length == UUID_BYTES && i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[length++] = '-';
        text[length++] = digits[field->bytes[i] >> 4];
        text[length++] = digits[field->bytes[i] & 15];
    }
    text[length] = 0;
}

/* As PostgreSQL writes it, however it is set. */
static void
put_default_tenant(char text[UUID_TEXT_BYTES])
{
    (void)snprintf(text, UUID_TEXT_BYTES, "%s", config_text(CONFIG_DEFAULT_TENANT));
    for (char *at = text; *at; at++)
        *at = (char)(*at >= 'A' && *at <= 'F' ? *at - 'A' + 'a' : *at);
}

/* "" for NULL; without zeros at the end, so that it does not matter with how many decimals a source writes. */
static enum error_code
put_number(const struct copy_field *field, char text[DECIMAL_TEXT_BYTES], struct error *error)
{
    struct decimal value;
    enum decimal_special special;
    text[0] = 0;
    if (field->length < 0)
        return ERROR_NONE;
    enum error_code code = decimal_from_pg(field->bytes, (size_t)field->length, &value, &special, error);
    if (code && code != ERROR_RANGE)
        return code;
    if (code || special != DECIMAL_FINITE) {
        (void)snprintf(text, DECIMAL_TEXT_BYTES, "none"); /* the row breaks a rule, and is no fact */
        return ERROR_NONE;
    }
    value = decimal_normalize(&value);
    (void)decimal_to_text(&value, text, DECIMAL_TEXT_BYTES);
    return ERROR_NONE;
}

/* TENANT|INSTRUMENT|LP|MICROSECONDS|BID|ASK|BID SIZE|ASK SIZE: what the quote says, if it has no id. */
static enum error_code
describe_payload(const struct copy_field *fields, const char *tenant, char payload[PAYLOAD_BYTES], struct error *error)
{
    static const enum quote_column numbers[] = {BID, ASK, BID_SIZE, ASK_SIZE};
    char lp[UUID_TEXT_BYTES], instrument[16] = "", instant[24] = "", number[DECIMAL_TEXT_BYTES];
    int32_t instrument_id;
    int64_t quoted_us;
    if (fields[INSTRUMENT_ID].length >= 0) {
        if (copy_field_int32(&fields[INSTRUMENT_ID], &instrument_id, error))
            return error->code;
        (void)snprintf(instrument, sizeof(instrument), "%" PRId32, instrument_id);
    }
    if (fields[QUOTED_AT].length >= 0) {
        if (copy_field_timestamp(&fields[QUOTED_AT], &quoted_us, error))
            return error->code;
        (void)snprintf(instant, sizeof(instant), "%" PRId64, quoted_us);
    }
    put_uuid(&fields[LP_ID], lp);
    size_t length = (size_t)snprintf(payload, PAYLOAD_BYTES, "%s|%s|%s|%s", tenant, instrument, lp, instant);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (put_number(&fields[numbers[i]], number, error))
            return error->code;
        length += (size_t)snprintf(payload + length, PAYLOAD_BYTES - length, "|%s", number);
    }
    return ERROR_NONE;
}

static enum error_code
find_reference(const struct copy_field *fields, const char *tenant, char reference[REFERENCE_BYTES],
               struct error *error)
{
    int64_t quote_id;
    char payload[PAYLOAD_BYTES], text[SHA256_TEXT_BYTES];
    uint8_t digest[SHA256_BYTES];
    if (fields[QUOTE_ID].length >= 0) {
        if (copy_field_int64(&fields[QUOTE_ID], &quote_id, error))
            return error->code;
        (void)snprintf(reference, REFERENCE_BYTES, "%" PRId64, quote_id);
        return ERROR_NONE;
    }
    if (describe_payload(fields, tenant, payload, error))
        return error->code;
    sha256(payload, strlen(payload), digest);
    sha256_text(digest, text);
    (void)snprintf(reference, REFERENCE_BYTES, "sha256:%s", text);
    return ERROR_NONE;
}

static bool
is_chosen(const char *tenant, const char *reference)
{
    char identity[UUID_TEXT_BYTES + REFERENCE_BYTES];
    uint8_t digest[SHA256_BYTES];
    int length = snprintf(identity, sizeof(identity), "%s/%s", tenant, reference);
    sha256(identity, (size_t)length, digest);
    uint32_t number =
        (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 | (uint32_t)digest[3];
    return number % SAMPLE_ONE_IN == 0;
}

/* quote_reference, is_sampled */
static enum error_code
put_computed(struct copy_writer *writer, const struct copy_field *fields, bool *keep, struct error *error)
{
    char tenant[UUID_TEXT_BYTES], reference[REFERENCE_BYTES];
    bool spread_changed = false;
    put_uuid(&fields[TENANT_ID], tenant);
    if (!tenant[0])
        put_default_tenant(tenant);
    if (fields[SPREAD_CHANGED].length >= 0 && copy_field_bool(&fields[SPREAD_CHANGED], &spread_changed, error))
        return error->code;
    if (find_reference(fields, tenant, reference, error))
        return error->code;
    *keep = spread_changed || is_chosen(tenant, reference);
    copy_put_text(writer, reference);
    copy_put_bool(writer, *keep);
    return ERROR_NONE;
}

static const struct event_target fact = {
    .table = "fact_quotes",
    .rows = "rows_quotes",
    .condition = "true",
    .key = "{tenant_id,quote_reference}",
    .stage_key = "{owner_tenant,quote_reference}",
};

const struct event_definition event_quotes = {
    .label = "QUOTES",
    .source_table = "quotes",
    .watermark = "quotes",
    .sql = "jobs/event_quotes",
    .stage = "stage_quotes",
    .extract = &event_quotes_extract,
    .instant = QUOTED_AT,
    .fact = &fact,
    .number = "quote_id",
    .change = DIRTY_QUOTES,
    .leave_values = 2,
    .members = {{DIMENSION_INSTRUMENT, "instrument_id"}, {DIMENSION_LIQUIDITY_PROVIDER, "lp_id"}},
    .member_count = 2,
    .computed = 2,
    .put_computed = put_computed,
};
