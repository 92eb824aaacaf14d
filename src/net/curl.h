/* curl.h - libcurl, loaded when it is first needed.
 *
 * It pulls in some 25 libraries, which took longer than everything else in the start of a server that may never need it.
 * So nobody links it: its functions are members of one table. Any thread; for worker threads and the command line, never
 * on a loop (it blocks, in name look-ups even after a cancel). */
#pragma once
#include <curl/curl.h>

#define CURL_FUNCTIONS(X)                                                                                              \
	X(global_init)                                                                                                 \
	X(easy_init)                                                                                                   \
	X(easy_setopt)                                                                                                 \
	X(easy_perform)                                                                                                \
	X(easy_getinfo)                                                                                                \
	X(easy_cleanup)                                                                                                \
	X(easy_reset)                                                                                                  \
	X(easy_strerror)                                                                                               \
	X(slist_append)                                                                                                \
	X(slist_free_all)

struct curl {
#define CURL_MEMBER(f) __typeof__(curl_##f) *f;
	CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
};

/* NULL where the library is not installed. */
const struct curl *curl_load(void);
