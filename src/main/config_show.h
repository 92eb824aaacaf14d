/* config_show.h - the settings in force, as data. */
#pragma once
#include "main/config.h"

/* [{"name","value","default","from","help"}]: all rows of the table, then those of `engines` and `aliases`. Values are JSON of their
 * kind; what is secret (a key, the user information of a URL) is shown as "***". from: "default", or who gave it, as errors
 * name it ("antiphon.yaml:12", "--set", a variable). In `a`. */
struct str config_show(const struct config *c, struct arena *a);
