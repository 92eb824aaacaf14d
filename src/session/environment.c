/* environment.c - the environment of programs in a box that stays. */
#include "session/environment.h"

#include <stdio.h>
#include <string.h>

/* Threads of libraries for arithmetic count as processes, and a machine may have many processors. */
static const char *const environment_fixed[] = {"HOME=/tmp",
						"USER=user",
						"LOGNAME=user",
						"SHELL=/bin/sh",
						"LANG=C.UTF-8",
						"LC_ALL=C.UTF-8",
						"TERM=dumb",
						"PWD=/mnt/data",
						"MPLBACKEND=Agg",
						"MPLCONFIGDIR=/tmp/.matplotlib",
						"XDG_CACHE_HOME=/tmp/.cache",
						"PYTHONDONTWRITEBYTECODE=1",
						"PYTHONUNBUFFERED=1",
						"OPENBLAS_NUM_THREADS=4",
						"OMP_NUM_THREADS=4",
						"MKL_NUM_THREADS=4",
						"NUMEXPR_MAX_THREADS=4"};

void environment_make(const char *python, char *const *more, const char *env[ENVIRONMENT_MOST],
		      char room[ENVIRONMENT_ROOM])
{
	size_t n = sizeof environment_fixed / sizeof *environment_fixed;
	memcpy(env, environment_fixed, sizeof environment_fixed);
	snprintf(room, ENVIRONMENT_ROOM, "PATH=%s%s/usr/local/bin:/usr/bin:/bin", python ? python : "",
		 python ? "/bin:" : "");
	env[n++] = room;
	while (more && *more && n < ENVIRONMENT_MOST - 1)
		env[n++] = *more++;
	env[n] = NULL;
}
