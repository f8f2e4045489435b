#include "jobs/dimension.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { PLACEHOLDER_BYTES_MAX = 32 };

/* ---- the table --------------------------------------------------------------------------------------------- *
 *
 * X(at the source, in the dimension, type, traits, what stands for NULL, integer digits, decimals) */

/* Read once a statement, not once a row. */
#define TENANT "(select current_setting('" DIMENSION_TENANT_SETTING "')::uuid)"

#define INSTRUMENT_COLUMNS(X)                                                                                          \
    X(instrument_id, instrument_id, INTEGER, DIMENSION_ID, NULL, 0, 0)                                                 \
    X(symbol, symbol, TEXT, DIMENSION_TYPE_2 | DIMENSION_CODE, NULL, 0, 0)                                             \
    X(name, full_name, TEXT, DIMENSION_TYPE_1, NULL, 0, 0)                                                             \
    X(exchange, exchange, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                          \
    X(asset_class, asset_class, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                    \
    X(instrument_type, instrument_type, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                            \
    X(sector, sector, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                              \
    X(industry, industry, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                          \
    X(market_cap_category, market_cap_category, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                    \
    X(country, country, TEXT, DIMENSION_TYPE_1, NULL, 0, 0)                                                            \
    X(currency, currency, TEXT, DIMENSION_TYPE_2 | DIMENSION_IN_FACTS, NULL, 0, 0)                                     \
    X(base_currency, base_currency, TEXT, DIMENSION_TYPE_1, NULL, 0, 0)                                                \
    X(quote_currency, quote_currency, TEXT, DIMENSION_TYPE_1, NULL, 0, 0)                                              \
    X(tick_size, tick_size, NUMERIC, DIMENSION_TYPE_1, NULL, 16, 12)                                                   \
    X(lot_size, lot_size, NUMERIC, DIMENSION_TYPE_1, NULL, 20, 8)                                                      \
    X(contract_multiplier, contract_multiplier, NUMERIC, DIMENSION_TYPE_1 | DIMENSION_POSITIVE | DIMENSION_FILLED,     \
      "1", 20, 8)                                                                                                      \
    X(price_precision, price_precision, SMALLINT, DIMENSION_TYPE_1, NULL, 0, 0)                                        \
    X(quantity_precision, quantity_precision, SMALLINT, DIMENSION_TYPE_1, NULL, 0, 0)                                  \
    X(is_active, is_active, BOOLEAN, DIMENSION_TYPE_2, NULL, 0, 0)

#define ACCOUNT_COLUMNS(X)                                                                                             \
    X(account_id, account_id, INTEGER, DIMENSION_ID, NULL, 0, 0)                                                       \
    X(tenant_id, tenant_id, UUID, DIMENSION_TYPE_1 | DIMENSION_FILLED | DIMENSION_IN_FACTS, TENANT, 0, 0)              \
    X(client_id, client_id, UUID, DIMENSION_TYPE_1 | DIMENSION_IN_FACTS, NULL, 0, 0)                                   \
    X(account_number, account_number, TEXT, DIMENSION_TYPE_1 | DIMENSION_CODE, NULL, 0, 0)                             \
    X(account_name, account_name, TEXT, DIMENSION_TYPE_1, NULL, 0, 0)                                                  \
    X(account_type, account_type, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                  \
    X(broker, broker, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                              \
    X(currency, currency, TEXT, DIMENSION_TYPE_1, NULL, 0, 0)                                                          \
    X(risk_tier, risk_tier, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                        \
    X(is_active, is_active, BOOLEAN, DIMENSION_TYPE_2, NULL, 0, 0)

#define STRATEGY_COLUMNS(X)                                                                                            \
    X(strategy_id, strategy_id, INTEGER, DIMENSION_ID, NULL, 0, 0)                                                     \
    X(strategy_name, strategy_name, TEXT, DIMENSION_TYPE_1 | DIMENSION_CODE, NULL, 0, 0)                               \
    X(strategy_type, strategy_type, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                \
    X(strategy_category, strategy_category, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                        \
    X(risk_tier, risk_tier, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                        \
    X(version, strategy_version, INTEGER, DIMENSION_TYPE_2, NULL, 0, 0)                                                \
    X(is_active, is_active, BOOLEAN, DIMENSION_TYPE_2, NULL, 0, 0)

#define CLIENT_COLUMNS(X)                                                                                              \
    X(client_id, client_id, UUID, DIMENSION_ID, NULL, 0, 0)                                                            \
    X(tenant_id, tenant_id, UUID, DIMENSION_TYPE_1 | DIMENSION_FILLED | DIMENSION_IN_FACTS, TENANT, 0, 0)              \
    X(client_code, client_code, TEXT, DIMENSION_TYPE_1 | DIMENSION_CODE, NULL, 0, 0)                                   \
    X(name, client_name, TEXT, DIMENSION_TYPE_1, NULL, 0, 0)                                                           \
    X(client_type, client_type, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                    \
    X(region, region, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                              \
    X(segment, segment, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                            \
    X(industry, industry, TEXT, DIMENSION_TYPE_1, NULL, 0, 0)                                                          \
    X(onboard_date, onboard_date, DATE, DIMENSION_TYPE_1, NULL, 0, 0)                                                  \
    X(status, status, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)

#define LIQUIDITY_PROVIDER_COLUMNS(X)                                                                                  \
    X(lp_id, lp_id, UUID, DIMENSION_ID, NULL, 0, 0)                                                                    \
    X(code, lp_code, TEXT, DIMENSION_TYPE_1 | DIMENSION_CODE, NULL, 0, 0)                                              \
    X(name, lp_name, TEXT, DIMENSION_TYPE_1, NULL, 0, 0)                                                               \
    X(type, lp_type, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                               \
    X(region, region, TEXT, DIMENSION_TYPE_1, NULL, 0, 0)                                                              \
    X(tier, tier, TEXT, DIMENSION_TYPE_2, NULL, 0, 0)                                                                  \
    X(is_active, is_active, BOOLEAN, DIMENSION_TYPE_2, NULL, 0, 0)

/* What follows from the type. */
enum {
    TRAIT_TEXT = DIMENSION_TEXT,
    TRAIT_UUID = 0,
    TRAIT_DATE = 0,
    TRAIT_BOOLEAN = 0,
    TRAIT_INTEGER = 0,
    TRAIT_SMALLINT = 0,
    TRAIT_NUMERIC = DIMENSION_NUMERIC,
};

/* Both views of a list: the extraction's contract, and the dimension's columns. */
#define IN_EXTRACTION(source, column, type, traits, absent, digits, decimals) {#source, EXTRACT_##type},
#define IN_DIMENSION(source, column, type, traits, absent, digits, decimals)                                           \
    {#source, #column, #type, (traits) | TRAIT_##type, absent, digits, decimals},
#define VIEWS(name, LIST)                                                                                              \
    static const struct extract_column name##_extraction[] = {LIST(IN_EXTRACTION){"updated_at", EXTRACT_TIMESTAMPTZ}}; \
    static const struct dimension_column name##_columns[] = {LIST(IN_DIMENSION)}

VIEWS(instrument, INSTRUMENT_COLUMNS);
VIEWS(account, ACCOUNT_COLUMNS);
VIEWS(strategy, STRATEGY_COLUMNS);
VIEWS(client, CLIENT_COLUMNS);
VIEWS(provider, LIQUIDITY_PROVIDER_COLUMNS);

const struct extract_definition dimension_extracts[DIMENSION_COUNT] = {
    [DIMENSION_INSTRUMENT] = {"instruments", instrument_extraction, COUNT(instrument_extraction)},
    [DIMENSION_ACCOUNT] = {"accounts", account_extraction, COUNT(account_extraction)},
    [DIMENSION_STRATEGY] = {"strategies", strategy_extraction, COUNT(strategy_extraction)},
    [DIMENSION_CLIENT] = {"clients", client_extraction, COUNT(client_extraction)},
    [DIMENSION_LIQUIDITY_PROVIDER] = {"liquidity_providers", provider_extraction, COUNT(provider_extraction)},
};

#define DEFINITION(index, table, id, key, columns)                                                                     \
    [index] = {table, id, key, &dimension_extracts[index], columns, COUNT(columns)}

const struct dimension_definition dimension_definitions[DIMENSION_COUNT] = {
    DEFINITION(DIMENSION_INSTRUMENT, "dim_instrument", "instrument_id", "instrument_key", instrument_columns),
    DEFINITION(DIMENSION_ACCOUNT, "dim_account", "account_id", "account_key", account_columns),
    DEFINITION(DIMENSION_STRATEGY, "dim_strategy", "strategy_id", "strategy_key", strategy_columns),
    DEFINITION(DIMENSION_CLIENT, "dim_client", "client_id", "client_key", client_columns),
    DEFINITION(DIMENSION_LIQUIDITY_PROVIDER, "dim_liquidity_provider", "lp_id", "lp_key", provider_columns),
};

/* ---- templates --------------------------------------------------------------------------------------------- */

enum { ATTRIBUTE = DIMENSION_TYPE_1 | DIMENSION_TYPE_2, EVERY = DIMENSION_ID | ATTRIBUTE, ALL_OF = 1 << 16 };

/* A list over the columns with one of the traits; or, marked by ALL_OF, with all of them. In a pattern $s is the column
 * at the source, $c in the dimension, $t its type, $a what stands for NULL, $f the column at the source with that for
 * NULL and a text as its bytes are, $i and $d its digits before and after the point, $b the bytes of a text. */
static const struct placeholder {
    const char *name;
    unsigned traits;
    const char *separator, *pattern;
} placeholders[] = {
    {"declare", EVERY, ", ", "$s $t"},
    {"id_type", DIMENSION_ID, ", ", "$t"},
    {"staged", EVERY, ", ", "$s"},
    {"code", DIMENSION_CODE, ", ", "$c"},
    {"columns", ATTRIBUTE, ", ", "$c"},
    {"values", ATTRIBUTE, ", ", "s.$s"},
    {"old", ATTRIBUTE, ", ", "d.$c"},
    {"copied", ATTRIBUTE, ", ", "c.$c"},
    {"type1_columns", DIMENSION_TYPE_1, ", ", "$c"},
    {"type1_values", DIMENSION_TYPE_1, ", ", "s.$s"},
    {"type1_old", DIMENSION_TYPE_1, ", ", "d.$c"},
    {"type1_copied", DIMENSION_TYPE_1, ", ", "c.$c"},
    {"type2_columns", DIMENSION_TYPE_2, ", ", "$c"},
    {"type2_values", DIMENSION_TYPE_2, ", ", "s.$s"},
    {"type2_old", DIMENSION_TYPE_2, ", ", "d.$c"},
    {"type2_copied", DIMENSION_TYPE_2, ", ", "c.$c"},
    {"facts_old", DIMENSION_IN_FACTS, ", ", "d.$c"},
    {"facts_new", DIMENSION_IN_FACTS, ", ", "n.$c"},
    {"facts_differ", DIMENSION_IN_FACTS, "", " or d.$c is distinct from s.$s"},
    {"type1_facts_differ", ALL_OF | DIMENSION_TYPE_1 | DIMENSION_IN_FACTS, "", " or d.$c is distinct from s.$s"},
    {"fill", DIMENSION_FILLED, ", ", "$s = coalesce($s, $a)"},
    {"needs_fill", DIMENSION_FILLED, " or ", "$s is null"},
    {"filled_source", ATTRIBUTE, ", ", "$f"},
    {"text_rules", DIMENSION_TEXT, "",
     ", case when octet_length($s) > $b then 'E|$s_length|$s has ' || octet_length($s) || ' bytes, but may have $b at "
     "most'"
     " end"},
    {"numeric_rules", DIMENSION_NUMERIC, "",
     ", case when $s in ('NaN', 'Infinity', '-Infinity') then 'E|$s_finite|$s is ' || $s"
     " when abs($s) >= 1e$i or scale(trim_scale($s)) > $d"
     " then 'E|$s_range|$s does not fit into $i digits before and $d after the point' end"},
    {"positive_rules", DIMENSION_POSITIVE, "",
     ", case when $s <= 0 then 'E|$s_positive|$s must be greater than 0' end"},
};

static void
put_pattern(const char *pattern, const struct dimension_column *column, struct buffer *text)
{
    for (const char *at = pattern; *at; at++) {
        if (*at != '$') {
            buffer_append(text, at, 1);
            continue;
        }
        switch (*++at) {
        case 's':
            buffer_text(text, column->source);
            break;
        case 'c':
            buffer_text(text, column->column);
            break;
        case 't':
            buffer_text(text, column->type);
            break;
        case 'a':
            buffer_text(text, column->absent);
            break;
        case 'f':
            put_pattern(column->absent                    ? "coalesce($s, $a)"
                        : column->traits & DIMENSION_TEXT ? "$s collate \"C\""
                                                          : "$s",
                        column, text);
            break;
        case 'b':
            buffer_format(text, "%d", DIMENSION_TEXT_BYTES_MAX);
            break;
        default:
            buffer_format(text, "%d", *at == 'i' ? column->integer_digits : column->decimals);
        }
    }
}

static void
put_list(const struct placeholder *placeholder, const struct dimension_definition *definition, struct buffer *text)
{
    const char *separator = "";
    for (size_t i = 0; i < definition->count; i++) {
        unsigned met = definition->columns[i].traits & placeholder->traits;
        if (placeholder->traits & ALL_OF ? (met | ALL_OF) != placeholder->traits : !met)
            continue;
        buffer_text(text, separator);
        put_pattern(placeholder->pattern, &definition->columns[i], text);
        separator = placeholder->separator;
    }
}

static enum error_code
put_placeholder(const struct dimension_definition *definition, const char *name, size_t length, struct buffer *text,
                struct error *error)
{
    char wanted[PLACEHOLDER_BYTES_MAX];
    if (length >= sizeof(wanted))
        return error_set(error, ERROR_BUG, "a placeholder of an SQL template has no end: %.40s", name);
    memcpy(wanted, name, length);
    wanted[length] = 0;
    const char *const work = definition->extract->name;
    const struct {
        const char *name, *before, *text, *after;
    } words[] = {
        {"table", "", definition->table, ""},
        {"observations", "", definition->table, "_observations"},
        {"id", "", definition->id, ""},
        {"key", "", definition->key, ""},
        {"work", "", work, ""},
        {"stage", "stage_", work, ""},
        {"absent", "absent_", work, ""},
        {"touched", "touched_", work, ""},
    };
    size_t word = 0;
    while (word < COUNT(words) && strcmp(words[word].name, wanted) != 0)
        word++;
    if (word < COUNT(words)) {
        buffer_format(text, "%s%s%s", words[word].before, words[word].text, words[word].after);
    } else {
        size_t i = 0;
        while (i < COUNT(placeholders) && strcmp(placeholders[i].name, wanted) != 0)
            i++;
        if (i == COUNT(placeholders))
            return error_set(error, ERROR_BUG, "an SQL template has no placeholder {%s}", wanted);
        put_list(&placeholders[i], definition, text);
    }
    return ERROR_NONE;
}

enum error_code
dimension_expand(const struct dimension_definition *definition, const char *template, struct buffer *text,
                 struct error *error)
{
    for (const char *open; (open = strchr(template, '{')) != NULL;) {
        size_t length = strcspn(open + 1, "}");
        buffer_append(text, template, (size_t)(open - template));
        if (put_placeholder(definition, open + 1, length, text, error))
            return error->code;
        template = open + 1 + length + (open[1 + length] == '}');
    }
    buffer_text(text, template);
    return buffer_check(text, "an SQL statement", error);
}

bool
dimension_has(const struct dimension_definition *definition, unsigned traits)
{
    for (size_t i = 0; i < definition->count; i++)
        if (definition->columns[i].traits & traits)
            return true;
    return false;
}
