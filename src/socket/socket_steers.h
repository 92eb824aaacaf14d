/* socket_steers.h - what is to be said to turns on a WebSocket that run (response.steer). Loop thread. */
#pragma once
#include "socket/socket_parts.h"

/* A response.steer. */
void steers_take(struct socket *s, yyjson_val *body, struct str text);
void steers_drop(struct socket *s, struct steers *ss);
/* The order's turn begins with those that wait for it: its body, in `to`. false: its own body is right. */
bool steers_begin(struct order *o, struct buf *to);
/* It was refused before it began; false: that is the client's to hear. */
bool steers_refused(struct order *o, const struct err *e);
/* It has ended. true: another has to go on, with the body that is now in `to` and o->steers as what it carries. */
bool steers_settle(struct order *o, const struct turn *t, struct buf *to);
