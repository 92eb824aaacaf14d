/* skill_matter_fuzz.c - any bytes as a SKILL.md: what is taken keeps the rules. */
#include <assert.h>

#include "index/skill_matter.h"

#include "index/skill_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct skill_matter m;
	if (skill_matter_read(&a, (struct str){(const char *)data, size}, &m) == SKILL_SOUND)
		assert(skill_name_good(m.name) && skill_description_good(m.description));
	arena_free(&a);
	return 0;
}
