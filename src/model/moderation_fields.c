/* moderation_fields.c - the parameter `moderation`. */
#include "model/moderation_fields.h"

#include "model/parts.h"

static const char *const moderation_modes[] = {"score", "block", NULL};
static const struct field policy_mode_fields[] = {
	FIELD_CHECKED("mode", F_ENUM, .required = true, .values = moderation_modes),
	LAST_FIELD,
};
static const struct field policy_fields[] = {
	FIELD_CHECKED("input", F_OBJECT, .nullable = true, .sub = policy_mode_fields),
	FIELD_CHECKED("output", F_OBJECT, .nullable = true, .sub = policy_mode_fields),
	LAST_FIELD,
};
const struct field moderation_fields[] = {
	FIELD_CHECKED("model", F_STR, .required = true),
	FIELD_CHECKED("policy", F_OBJECT, .nullable = true, .sub = policy_fields),
	LAST_FIELD,
};
