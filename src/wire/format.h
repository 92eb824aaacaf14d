/* format.h - the string formats of JSON Schema that structured outputs know. Pure. */
#pragma once
#include "base/str.h"

/* date-time, date, time (RFC 3339), duration (ISO 8601 as in RFC 3339 A), email, hostname, ipv4, ipv6, uuid.
 * A format of another name is not checked: true. */
bool string_fits_format(struct str format, struct str text);
