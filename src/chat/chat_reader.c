/* chat_reader.c - what the files that read a chat completions request share. */
#include "chat/chat_reader.h"

bool chat_later(struct err *e, const char *path, const char *what)
{
	return fail(e, ERR_UNSUPPORTED_PARAMETER, path,
		    "Unsupported parameter: '%s'. This version does not serve %s yet; a later one brings them.", path,
		    what);
}
