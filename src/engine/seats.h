/* seats.h - who sits in a fleet's seats: engines come, drain and go. Inside engine/ alone. */
#pragma once
#include "engine/table.h"

/* Gives `g`, an empty seat, to the engine at that URL. Before engines are watched, or with the lock held. */
bool seat_take(struct engine *g, struct str url, struct err *e);
/* It leaves when its last call has ended; at once if it has none. With the lock held. */
void seat_leave(struct engine *g);
/* A slot or a hold was given back: one that leaves may go now. With the lock held. */
void seat_settle(struct engine *g);
/* May new calls begin there? */
bool seat_open(const struct engine *g);
/* Nobody sits in any of its seats. With the lock held. */
bool fleet_empty(const struct fleet *f);
