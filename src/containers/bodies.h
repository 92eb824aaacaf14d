/* bodies.h - bodies and queries of /v1/containers, and the objects that answer. */
#pragma once
#include "container/cntr.h"
#include "door/errand.h"

/* A body of POST /v1/containers; strings in `a`. */
bool container_body_read(struct arena *a, yyjson_val *body, struct cntr_want *ret, struct err *e);
/* Of POST .../files: {"file_id"}. */
bool container_file_body_read(yyjson_val *body, struct str *ret, struct err *e);
/* names: the query may have `name`. */
bool container_query_read(struct request *rq, struct arena *a, bool names, struct container_query *ret, struct err *e);
void container_write(struct jout *o, const struct container *c);
void container_file_write(struct jout *o, const struct container *c, const struct container_file *f);
