/* skill_file.c - what a skill and its files may be called, and a file on its way. */
#include "index/skill_file.h"

#include <string.h>

#include "wire/utf8.h"

bool skill_name_good(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return name.n > 0 && name.n <= SKILL_NAME_MAX;
}

bool skill_description_good(struct str d)
{
	size_t chars = 0;
	for (size_t i = 0; i < d.n; i++)
		chars += ((unsigned char)d.p[i] & 0xc0) != 0x80;
	return utf8_valid(d) && !memchr(d.p ? d.p : "", 0, d.n) && chars > 0 && chars <= SKILL_DESCRIPTION_MAX;
}

bool skill_path_good(struct str path)
{
	int depth = 0;
	if (!path.n || path.n > SKILL_PATH || !utf8_valid(path))
		return false;
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] < 32 || path.p[i] == 127 || path.p[i] == '\\')
			return false;
	for (struct str rest = path; depth <= SKILL_DEPTH; depth++) {
		size_t n = str_find(rest, '/');
		struct str part = {rest.p, n};
		if (!part.n || part.n > SKILL_PATH_PART || str_eq(part, S(".")) || str_eq(part, S("..")))
			return false;
		if (n == rest.n)
			return true;
		rest = (struct str){rest.p + n + 1, rest.n - n - 1};
	}
	return false;
}

void skill_file_add(struct buf *out, struct str path, bool runs, struct str bytes)
{
	buf_fmt(out, "%d %zu %zu\n", runs, path.n, bytes.n);
	buf_add(out, path);
	buf_add(out, bytes);
}

bool skill_file_cut(struct str *in, struct str *path, bool *runs, struct str *bytes)
{
	struct str head = str_cut(in, '\n');
	int64_t run, name, size;
	if (!str_int(str_cut(&head, ' '), &run) || !str_int(str_cut(&head, ' '), &name) || !str_int(head, &size) || name < 0 ||
	    size < 0 || (size_t)name > in->n || (size_t)size > in->n - (size_t)name)
		return false;
	*runs = run != 0;
	*path = (struct str){in->p, (size_t)name};
	*bytes = (struct str){in->p + name, (size_t)size};
	*in = (struct str){in->p + name + size, in->n - (size_t)name - (size_t)size};
	return true;
}
