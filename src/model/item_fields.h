/* item_fields.h - what item.c needs beside the table of item types. Inside model/ alone. */
#pragma once
#include "wire/fields.h"

/* Messages of the assistant; items.def names the table of the other roles. */
extern const struct field assistant_fields[];
