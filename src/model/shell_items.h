/* shell_items.h - items of shells, the client's and ours: what is told of them in events, in live streams, those of a background run
 * and those that are told again. Pure. */
#pragma once
#include "model/event.h"
#include "wire/jout.h"

typedef void shell_told(void *ctx, struct event *ev);
/* The events of one command: added, its text at once, done. *ev has the place of its item in the output. */
void shell_command_tell(struct event ev, int index, struct str command, shell_told *told, void *ctx);
/* Those of all commands of a shell_call. */
void shell_commands_tell(yyjson_val *commands, struct event ev, shell_told *told, void *ctx);
/* The events of a shell_call_output, a delta and an end for each command. */
void shell_output_tell(yyjson_val *item, struct event ev, shell_told *told, void *ctx);
/* The member `environment` of what runs in a container of ours. */
void shell_reference(struct jout *o, struct str container);
