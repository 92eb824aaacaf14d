/* master.h - where the master secret stands that wraps the store's keys (store/seal.h). */
#pragma once
#include "main/config.h"
#include "store/seal.h"

/* By environment, settings, or the data folder's own file. Strings live in `a`. */
struct seal_options master_options(const struct config *c, struct str data, struct arena *a);
