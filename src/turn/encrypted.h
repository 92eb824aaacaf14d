/* encrypted.h - reasoning and compactions that a client keeps for us.
 *
 * With `include: ["reasoning.encrypted_content"]` every reasoning item carries its text sealed; sent back, also
 * alone and with store:false, it counts as the item's content. Loop thread. */
#pragma once
#include "model/item.h"

struct turn;

/* `content`, the JSON of a reasoning item's content, as its encrypted_content; in the turn's arena. */
struct str encrypted_seal(struct turn *t, struct str content);
/* Replaces a reasoning item that has encrypted_content by a view with what was sealed as its content, and a compaction
 * by one with its members `summary` and `calls` (compact.h). `path` is
 * where the request has it ("input[2]"): what does not open is refused. NULL: of our own store, where it stays as it
 * is then (its key may be lost, and the conversation shall go on). */
bool encrypted_open(struct turn *t, struct item *it, const char *path, struct err *e);
