/* skill_matter.h - the front matter of a SKILL.md: YAML between two lines of "---" (the Agent Skills format,
 * https://agentskills.io/specification). Bytes of strangers: runs in a box (reader.h). Pure. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

enum skill_fault {
	SKILL_SOUND,
#define FAULT(NAME, word, text) SKILL_##NAME,
#include "index/skill_faults.def"
#undef FAULT
	SKILL_FAULTS
};

enum { SKILL_MATTER_BYTES = 65536 };

struct skill_matter {
	struct str name, description; /* in the arena; white space around the description is cut */
	struct str detail;            /* of a fault */
};
/* `text`: how the file begins; of front matter longer than SKILL_MATTER_BYTES the end is not found. */
enum skill_fault skill_matter_read(struct arena *a, struct str text, struct skill_matter *ret);
