/* socket.h - WebSocket mode of /v1/responses, as OpenAI's guide to it and both SDKs have it.
 *
 * A socket carries `response.create` messages on lanes: one at a time on a lane, several lanes at once. Each is
 * a turn like any other, whose reply is a lane (net/reply.h). `response.steer` queues what is to be said to one that runs: that ends
 * at its next boundary, and one that continues it begins by itself. A failure is an error frame and leaves the socket
 * usable. The latest response of each lane stays in memory, when the store does not have it. Born in
 * socket_open() (routes.def), gone with its connection; its turns then end as over HTTP. Loop thread. */
#pragma once
#include "net/websocket.h"
#include "socket/socket_memory.h"
#include "turn/turn_link.h"
