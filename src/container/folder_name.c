/* folder_name.c - names of files in containers. */
#include "container/folder_name.h"

#include "container/folder.h"
#include "wire/json.h"

enum { NAME_BYTES = 255 };

bool folder_path_fits(struct str path)
{
	struct str rest = path;
	if (!path.n || path.n > FOLDER_INNER || path.p[path.n - 1] == '/' || !utf8_valid(path))
		return false;
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] < ' ' || path.p[i] == 0x7f)
			return false;
	while (rest.n) {
		struct str part = str_cut(&rest, '/');
		if (!part.n || part.n > NAME_BYTES || str_eq(part, S(".")) || str_eq(part, S("..")))
			return false;
	}
	return true;
}

struct str folder_name(struct arena *a, struct str prefix, struct str name)
{
	size_t room = NAME_BYTES - prefix.n - 1;
	if (name.n > room) {
		name = (struct str){name.p + name.n - room, room};
		while (name.n && ((unsigned char)name.p[0] & 0xc0) == 0x80)
			name = (struct str){name.p + 1, name.n - 1}; /* a character is not cut */
	}
	return str_fmt(a, "%.*s-%.*s", FMT(prefix), FMT(name));
}
