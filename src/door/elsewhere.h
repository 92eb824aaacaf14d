/* elsewhere.h - a request that is passed on to another node, as it came, and answered as that node answers.
 *
 * Nodes share a store (store/nodes.h); a few things are one node's: events that are kept in its memory, files of its
 * containers. The client's own key goes along, so that the other node decides what it may. Loop thread. */
#pragma once
#include "door/request.h"

/* By the node in `id`. true: the exchange is taken over. false: it is this node's affair: nobody else's, or that node is dead or
 * tells no address (store.node_address), or the request was passed on already. */
bool elsewhere_pass(struct request *rq, const struct id *id);
/* The same for a route with ROUTE_THERE, by the id in its path; where a node lives that cannot be reached it answers 503. */
bool elsewhere_route(struct request *rq);
