/* curl.c - libcurl, loaded when it is first needed. */
#include "net/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>

static struct curl table;
static bool ready;

static void load(void)
{
	void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	bool all = lib != NULL;
#define FIND(f) all = all && (*(void **)&table.f = dlsym(lib, "curl_" #f)) != NULL;
	CURL_FUNCTIONS(FIND)
#undef FIND
	ready = all && table.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const struct curl *curl_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	return ready ? &table : NULL;
}
