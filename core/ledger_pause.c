/* core/ledger_pause.c - Redis mirrors which queues are paused, so that workers pass them over without asking. */
#include "core/ledger.h"
#include "core/sql.h"

#define SQL(name) sql_text("ledger/control", name)

/* Written, then read once more: who writes last also reads after that, so that the last word is the ledger's however
 * many do this at once. */
enum error_code
ledger_mirror_pause(struct database *database, struct redis_client *client, const char *queue, struct error *error)
{
    char wanted[8], after[8];
    if (database_value(database, SQL("is_paused"), DATABASE_VALUES(queue), after, sizeof(after), error))
        return error->code;
    do {
        wanted[0] = after[0];
        if (queue_pause(client, queue, wanted[0] == 't', error) ||
            database_value(database, SQL("is_paused"), DATABASE_VALUES(queue), after, sizeof(after), error))
            return error->code;
    } while (after[0] != wanted[0]);
    return ERROR_NONE;
}
