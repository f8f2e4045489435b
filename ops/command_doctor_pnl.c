/* The check of the books that realised P&L comes from: see command_doctor.h. */
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "jobs/pnl_method.h"
#include "ops/command_doctor.h"

/* Books of a method that is no longer the setting's are carried on by no job. */
enum error_code
command_doctor_pnl_method(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    const char *configured = config_text(CONFIG_PNL_METHOD);
    char stored[PNL_METHOD_NAME_BYTES], remedy[160];
    if (pnl_method_stored(doctor->warehouse, stored, error))
        return error->code;
    if (!stored[0])
        return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "%s; no books were computed yet", configured);
    if (strcmp(stored, configured) == 0)
        return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "the stored books were computed by %s", stored);
    (void)snprintf(remedy, sizeof(remedy), "set TAPEMILL_PNL_METHOD=%s; or switch: tapemill pnl method %s", stored,
                   configured);
    return command_doctor_say(finding, COMMAND_DOCTOR_FAIL, remedy,
                              "TAPEMILL_PNL_METHOD is %s, but the stored books were computed by %s", configured,
                              stored);
}
