/* search_fields.h - what a search over vector stores may carry, in a tool as in its own route. Pure. */
#pragma once
#include "wire/fields.h"

/* The shape of a filter (index/filter.h has its bounds). */
field_check search_filter_check;
/* Members of `ranking_options`. */
extern const struct field search_ranking_fields[];
