/* turn_list.h - the functions of servers: a list is asked for, becomes an item, and brings them. */
#pragma once

struct turn;
/* Those that are asked for are given up. Idempotent. */
void turn_list_stop(struct turn *t);
/* The lists among what was finished bring their functions. */
void turn_list_rejoin(struct turn *t);
