/* rig.h - what the store's tests share: a data folder of their own, and operations that are waited for. */
#pragma once
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/test.h"
#include "store/request.h"
#include "store/rig_postgres.h"

struct rig {
	char dir[64]; /* "": rig_open() makes one */
	char url[RIG_URL]; /* on PostgreSQL */
	struct store_options options;
	struct store *store;
	struct loop *loop;
	struct store_port *port;
};

bool rig_try_open(struct rig *r, struct err *e);
void rig_open(struct rig *r);
/* Closes the store and its loop; the folder stays. */
void rig_shut(struct rig *r);
/* Also removes the folder. */
void rig_end_all(struct rig *r);
void rig_remove(const char *dir);

struct rig_wait {
	struct store_op op;
	struct loop *loop;
	struct err err;
	bool done, many; /* many: others are waited for as well */
};
struct rig_wait rig_wait(struct rig *r);
/* Runs the loop until the operation is done. */
enum err_code rig_end(struct rig_wait *w);

/* --- a turn made from little --- */
enum { RIG_ITEMS = 400 };
struct rig_turn {
	struct turn_record t;
	struct turn_item items[RIG_ITEMS];
	char text[RIG_ITEMS][48];
	char id[ID_MAX];
};
/* A turn of project 1 with `in` inputs and `out` outputs, whose JSON names the response's key and place. */
void rig_turn(struct rig_turn *x, int64_t parent, size_t in, size_t out);

/* --- verbs that are waited for --- */
enum err_code rig_put(struct rig *r, const struct rig_turn *x);
enum err_code rig_delete(struct rig *r, int64_t project, const char *id);
enum err_code rig_get(struct rig *r, int64_t project, const char *id, struct arena *a, struct stored_response *ret);
enum err_code rig_context(struct rig *r, int64_t project, const char *id, struct arena *a, struct stored_context *ret);
