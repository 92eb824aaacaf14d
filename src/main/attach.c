/* attach.c - what `ask` sends beside its text: standard input and files. */
#include "main/attach.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ATTACH_MAX = 32 << 20 };

bool attach_read(struct arena *a, const char *path, struct str *ret, struct err *e)
{
	bool in = !strcmp(path, "-");
	FILE *f = in ? stdin : fopen(path, "re");
	if (!f)
		return fail(e, ERR_CONFIG, NULL, "%s: %s", path, strerror(errno));
	struct buf b;
	buf_init(&b, ATTACH_MAX);
	char piece[16384];
	for (size_t n; !b.over && (n = fread(piece, 1, sizeof piece, f)) > 0;)
		buf_add(&b, (struct str){piece, n});
	bool ok = !ferror(f) || fail(e, ERR_CONFIG, NULL, "%s: %s", path, strerror(errno));
	if (!in)
		fclose(f);
	if (ok && b.over)
		ok = fail(e, ERR_CONFIG, NULL, "%s: larger than 32 MB", path);
	if (ok)
		*ret = str_copy(a, buf_str(&b));
	buf_release(&b);
	return ok;
}

bool attach_stdin(void)
{
	struct stat s;
	return !fstat(STDIN_FILENO, &s) && (S_ISFIFO(s.st_mode) || S_ISREG(s.st_mode) || S_ISSOCK(s.st_mode));
}

/* First bytes tell the kind; NULL: no image that models know. */
static const char *image_type(struct str data)
{
	static const struct {
		struct str magic;
		const char *type;
	} kinds[] = {
	    {STR("\x89PNG\r\n"), "image/png"}, {STR("\xff\xd8\xff"), "image/jpeg"}, {STR("GIF8"), "image/gif"}};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (str_starts(data, kinds[i].magic))
			return kinds[i].type;
	if (data.n > 12 && !memcmp(data.p, "RIFF", 4) && !memcmp(data.p + 8, "WEBP", 4))
		return "image/webp";
	return NULL;
}

static bool attach_is_text(struct str data)
{
	return !memchr(data.p, 0, data.n) && !str_starts(data, S("%PDF"));
}

static struct str attach_data_url(struct arena *a, const char *type, struct str data)
{
	size_t n = sodium_base64_ENCODED_LEN(data.n, sodium_base64_VARIANT_ORIGINAL);
	char *text = arena_bytes(a, n);
	sodium_bin2base64(text, n, (const unsigned char *)data.p, data.n, sodium_base64_VARIANT_ORIGINAL);
	return str_fmt(a, "data:%s;base64,%s", type, text);
}

bool attach_part(struct arena *a, struct jout *o, struct str path, struct err *e)
{
	struct str data, name = path, rest = path;
	if (!attach_read(a, path.p, &data, e))
		return false;
	while (rest.n) /* the last part of the path */
		name = str_cut(&rest, '/');
	const char *image = image_type(data);
	jo_obj(o);
	if (image) {
		jo_kstr(o, "type", S("input_image"));
		jo_kstr(o, "detail", S("auto"));
		jo_kstr(o, "image_url", attach_data_url(a, image, data));
	} else if (attach_is_text(data)) {
		jo_kstr(o, "type", S("input_text"));
		jo_kstr(o, "text", str_fmt(a, "File %.*s:\n%.*s", FMT(name), FMT(data)));
	} else {
		const char *type = str_starts(data, S("%PDF")) ? "application/pdf" : "application/octet-stream";
		jo_kstr(o, "type", S("input_file"));
		jo_kstr(o, "filename", name);
		jo_kstr(o, "file_data", attach_data_url(a, type, data));
	}
	jo_obj_end(o);
	return true;
}
