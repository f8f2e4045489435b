#include <string.h>

#include "jobs/job.h"

#define JOB(name) extern const struct job_definition job_##name;
#include "jobs/jobs.def"
#undef JOB

static const struct job_definition *const registry[] = {
#define JOB(name) &job_##name,
#include "jobs/jobs.def"
#undef JOB
};

const struct job_definition *const *
job_all(size_t *count)
{
    *count = sizeof(registry) / sizeof(registry[0]);
    return registry;
}

const struct job_definition *
job_find(const char *name)
{
    for (size_t i = 0; i < sizeof(registry) / sizeof(registry[0]); i++)
        if (strcmp(registry[i]->name, name) == 0)
            return registry[i];
    return NULL;
}
