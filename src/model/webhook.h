/* webhook.h - webhook endpoints and events as they look outside: bodies checked, objects written. Pure. */
#pragma once
#include "wire/json.h"

enum webhook_form { WEBHOOK_CREATE, WEBHOOK_UPDATE, WEBHOOK_ROTATE, WEBHOOK_TEST };

struct webhook_body { /* {0} members were not given */
	struct str name, url;
	struct str types;      /* a JSON array of types of webhook.def, each once */
	bool keep_old_secret;  /* ROTATE: for 24 hours */
	struct str event_type; /* TEST */
};
/* The strings live as long as `body` and `a`. What the URL names is the caller's to check. */
bool webhook_read(struct arena *a, yyjson_val *body, enum webhook_form form, struct webhook_body *ret, struct err *e);

struct webhook_object {
	struct str id, name, url;
	struct str types; /* a JSON array */
	struct str hint;
	struct str secret; /* {0}: not shown */
	int64_t created_at, updated_at;
};
void webhook_write(struct jout *o, const struct webhook_object *w);

/* The types there are: NULL-terminated. */
extern const char *const webhook_types[];
/* The prefix of ids that events of this type tell of. */
const char *webhook_prefix(struct str type);
/* What is delivered. */
void webhook_event_write(struct jout *o, struct str id, int64_t created_at, struct str type, struct str subject);
