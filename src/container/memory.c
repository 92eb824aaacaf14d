/* memory.c - the memory that a container may be given. */
#include "container/memory.h"

#include "container/limits.h"

static const struct {
	struct str word;
	int64_t bytes;
} sizes[] = {{STR("1g"), (int64_t)1 << 30},
	     {STR("4g"), (int64_t)4 << 30},
	     {STR("16g"), (int64_t)16 << 30},
	     {STR("64g"), (int64_t)64 << 30}};
enum { SIZES = sizeof sizes / sizeof *sizes };

bool cntr_memory(struct str word, const char *path, int64_t *ret, struct err *e)
{
	*ret = container_limits.memory < sizes[0].bytes ? container_limits.memory : sizes[0].bytes;
	for (int i = 0; word.n && i < SIZES; i++)
		if (str_eq(sizes[i].word, word))
			*ret = sizes[i].bytes;
	return *ret <= container_limits.memory ||
	       fail(e, ERR_UNSUPPORTED_VALUE, path,
		    "Unsupported value: '%.*s'. Containers of this server may have %lld bytes of memory (containers.memory).",
		    FMT(word), (long long)container_limits.memory);
}

struct str cntr_memory_word(int64_t bytes)
{
	int i = 0;
	while (i < SIZES - 1 && sizes[i].bytes < bytes)
		i++;
	return sizes[i].word;
}
