/* config_limits.h - the limits of the floors, from the settings. Main thread. */
#pragma once
#include "main/config.h"

/* Hands the floors' limits out (net_limits, api_limits, ...) and fetch.allow; once, before servers open. */
bool config_apply_limits(struct config *c, struct err *e);
