/* banner.h - who answers and what else there is, on standard error. Main thread. */
#pragma once
#include "main/app.h"

void banner_print(const struct app *app);
/* What answers, in one line. In `a`. */
struct str banner_line(const struct app *app, struct arena *a);
/* Looks once, on a thread of its own, for other engines on this machine: one that answers is offered, never used unasked. */
void offers_start(struct app *app);
void offers_stop(struct app *app); /* waits for it */
