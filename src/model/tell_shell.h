/* tell_shell.h - the events of a shell's items, the client's and ours (teller.h). */
#pragma once
#include "model/teller.h"

/* Of a list of texts, the nth begins, goes on or is whole. */
void tell_listed(struct teller *to, const struct told *at, enum event_type type, int nth, struct str text);
/* All commands of a shell_call, each at once. */
void tell_commands(struct teller *to, const struct told *at, yyjson_val *commands);
/* A shell_call_output: what each command put out, and its end. */
void tell_shell_output(struct teller *to, const struct told *at, yyjson_val *item);
