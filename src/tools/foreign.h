/* foreign.h - text of strangers on its way to a model: data, never instructions.
 *
 * What looks like our own marks or like the control words of a chat template is made harmless, so that a page can
 * neither end the frame that it stands in nor speak as somebody else; numbers in brackets go, since those are how
 * sources are cited. Pure; any thread. */
#pragma once
#include "base/buf.h"

/* Appends at most `max` bytes of it, "..." where it was cut. */
void foreign_add(struct buf *b, struct str text, size_t max);
/* The same of what a program puts out: numbers in brackets stay, since they are values. */
void foreign_add_values(struct buf *b, struct str text, size_t max);
