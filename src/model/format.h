/* format.h - does a text fit the format that was asked for? Pure. */
#pragma once
#include "model/request.h"

/* A finished text against its strict schema: nobody is told `completed` with a text that breaks what was promised. Formats
 * without a strict schema take any text. false: what is wrong, with the schema's name. */
bool format_fits(const struct format *f, struct arena *a, struct str text, struct err *e);
