/* dialect.h - what families of engines differ in, as data (dialects.def).
 *
 * An engine's traits are its family's, then those that the settings say, then what its refusals have taught. Pure. */
#pragma once
#include "base/err.h"

enum trait {
#define TRAIT(NAME, wire, values, help) TRAIT_##NAME,
#include "engine/dialects.def"
#undef TRAIT
	TRAITS
};
enum dialect {
#define DIALECT(NAME, wire, hosts, owner, traits) DIALECT_##NAME,
#include "engine/dialects.def"
#undef DIALECT
	DIALECTS
};
/* The values by their place in dialects.def. */
enum { LIMIT_OLD, LIMIT_NEW };
enum { EFFORT_NO, EFFORT_YES, EFFORT_BASIC };
enum { THOUGHTS_SAME, THOUGHTS_CONTENT, THOUGHTS_REASONING, THOUGHTS_NONE };
enum { IDS_OWN, IDS_SHORT };
enum { JSON_OBJECT, JSON_SCHEMA };
enum { STRICT_MIXED, STRICT_UNIFORM, STRICT_NO };

struct traits {
	unsigned char of[TRAITS];
};

/* By name ("azure"); DIALECTS: no such. */
enum dialect dialect_named(struct str name);
/* By the host's name; DIALECT_GENERIC when it tells nothing. */
enum dialect dialect_of_host(struct str host);
/* By `owned_by` of its models; DIALECT_GENERIC likewise. */
enum dialect dialect_of_owner(struct str owner);
struct str dialect_name(enum dialect d);
struct traits dialect_traits(enum dialect d);
/* "thoughts=none" into *t. ERR_CONFIG with what there is. */
bool trait_set(struct traits *t, struct str setting, struct err *e);
/* "limit=max_tokens effort=no ...", for people. */
struct str traits_text(struct arena *a, const struct traits *t);
/* Is this effort sent? */
bool traits_effort(const struct traits *t, struct str effort);
/* What a refusal (HTTP 400 or 422) of `body` teaches: it names a member that was sent and is not taken. *tried has a
 * bit for each row that this call was taught already. false: nothing new; else *which and *value. */
bool traits_learn(const struct traits *t, struct str answer, struct str body, unsigned *tried, enum trait *which,
		  unsigned char *value);
