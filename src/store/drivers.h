/* drivers.h - which databases there are. Inside store/ alone. */
#pragma once
#include "store/core.h"

/* "sqlite:PATH" (o->url, or what stands for it) gives its driver and PATH, of PATH_MAX bytes. */
bool store_driver(const struct store_options *o, char *path, const struct driver **ret, struct err *e);
/* Tests: `to` stands in for `from` in every store that is opened afterwards. */
void driver_replace(const struct driver *from, const struct driver *to);
