/* socket_text.h - what is said over a WebSocket besides events. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* {"type":"error","status",...,"stream_id"} */
void socket_error_write(struct buf *b, const struct err *e, struct str stream_id);
/* `event` (a JSON object) without its largest members, one after the other until it is under `most` bytes
 * (Python's client takes 1 MiB); what has none of them stays as it is. Appended to `b`. */
void socket_shrink(struct buf *b, struct str event, size_t most);
