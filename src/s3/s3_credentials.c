/* s3_credentials.c - with whose key the store is asked. */
#include "s3/s3_credentials.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MOST = 16384 };

static void s3_credentials_lines(struct str text, struct arena *a, struct s3_credentials *ret)
{
	bool ours = true;
	while (text.n) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (line.n && line.p[0] == '[')
			ours = str_eq(line, S("[default]"));
		if (!ours || !line.n || char_in(line.p[0], "[#;"))
			continue;
		struct str name = str_trim(str_cut(&line, '='));
		struct str value = str_copy(a, str_trim(line));
		if (str_eq(name, S("aws_access_key_id")))
			ret->id = value;
		else if (str_eq(name, S("aws_secret_access_key")))
			ret->secret = value;
		else if (str_eq(name, S("aws_session_token")))
			ret->token = value;
	}
}

static bool s3_credentials_file(struct str file, struct arena *a, struct s3_credentials *ret, struct err *e)
{
	char text[FILE_MOST];
	struct stat st;
	int fd = open(str_copy(a, file).p, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
	if (n < 0)
		fail(e, ERR_CONFIG, NULL, "blobs.credentials_file: %.*s cannot be read: %m", FMT(file));
	else if (fstat(fd, &st) || (st.st_mode & 077))
		fail(e, ERR_CONFIG, NULL, "blobs.credentials_file: others can read %.*s: chmod 600 it", FMT(file));
	else
		s3_credentials_lines((struct str){text, (size_t)n}, a, ret);
	if (fd >= 0)
		close(fd);
	explicit_bzero(text, sizeof text);
	return !e->code;
}

static struct str s3_credentials_of(struct arena *a, const char *name)
{
	const char *value = getenv(name);
	return value && *value ? str_copy(a, str_of(value)) : (struct str){0};
}

bool s3_credentials_read(struct str file, struct arena *a, struct s3_credentials *ret, struct err *e)
{
	*ret = (struct s3_credentials){0};
	if (file.n && !s3_credentials_file(file, a, ret, e))
		return false;
	if (!file.n)
		*ret = (struct s3_credentials){s3_credentials_of(a, "AWS_ACCESS_KEY_ID"),
					       s3_credentials_of(a, "AWS_SECRET_ACCESS_KEY"),
					       s3_credentials_of(a, "AWS_SESSION_TOKEN")};
	if (ret->id.n && ret->secret.n)
		return true;
	return file.n ? fail(e, ERR_CONFIG, NULL,
			     "blobs.credentials_file: %.*s has no aws_access_key_id and aws_secret_access_key "
			     "below [default]",
			     FMT(file))
		      : fail(e, ERR_CONFIG, NULL,
			     "S3 needs a key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
			     "blobs.credentials_file");
}
