/* config_yaml.h - settings from a YAML file. Main thread. */
#pragma once
#include "main/config.h"

/* Reads a YAML file (at most 1 MB). */
bool config_read_yaml(struct config *c, const char *path, struct err *e);
