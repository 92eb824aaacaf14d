/* template.h - prompt templates and their versions. Included by store.h, which has the rules.
 *
 * A template has a name, metadata and versions 1, 2, 3 ..., each of which never changes; one of them is the default.
 * Deleting hides it at once; its versions go in slices. What a version says is the caller's: a JSON object. */
#pragma once
#include "store/store.h"

struct template_record {
	int64_t project;
	struct id id;
	int64_t created_at;
	struct str name, metadata; /* metadata: a JSON object */
	struct str body;           /* of version 1 */
	int64_t most;              /* templates that the project may have */
};
/* ERR_BAD_REQUEST: there are as many already. Everything is copied before it returns. */
void store_put_template(struct store_port *p, struct store_op *op, const struct template_record *t);

struct template_change { /* {0} and 0: as before */
	struct str name, metadata;
	int64_t default_version;
};
/* ERR_NOT_FOUND: "Prompt with id 'x' not found.", here and below; ERR_INVALID_VALUE: no such version. */
void store_set_template(struct store_port *p, struct store_op *op, int64_t project, struct str id,
			const struct template_change *c);
void store_delete_template(struct store_port *p, struct store_op *op, int64_t project, struct str id);

struct stored_template {
	struct str id, name, metadata, body;
	int64_t created_at;                   /* of the template */
	int64_t version, default_version, latest;
	int64_t version_created_at;
};
/* The next version; `becomes_default`: what a request that names none gets from now on. At most `most` of them, else
 * ERR_BAD_REQUEST. *ret: it, in `a`. */
void store_add_template_version(struct store_port *p, struct store_op *op, int64_t project, struct str id,
				struct str body, bool becomes_default, int64_t most, struct arena *a,
				struct stored_template *ret);
/* `version`: its number as text, {0}: the default. */
void store_get_template(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct str version,
			struct arena *a, struct stored_template *ret);

struct template_page {
	struct stored_template *list;
	size_t n;
	bool has_more;
};
/* Templates, each with its default version; `after` is an id. A page ends early when it has become large. */
void store_list_templates(struct store_port *p, struct store_op *op, int64_t project, const struct page_query *q,
			  struct arena *a, struct template_page *ret);
/* Versions of one; `after` is a number. */
void store_list_template_versions(struct store_port *p, struct store_op *op, int64_t project, struct str id,
				  const struct page_query *q, struct arena *a, struct template_page *ret);
