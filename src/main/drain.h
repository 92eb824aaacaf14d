/* drain.h - the way out: SIGTERM, SIGINT and SIGHUP drain, a second one ends at once. Loop 0; closed after it. */
#pragma once

struct app;
void signals_watch(struct app *app);
void signals_close(struct app *app);
