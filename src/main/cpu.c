/* cpu.c - can the managed engine run on this processor? */
#include "main/cpu.h"

bool cpu_fits(struct err *why)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return true;
	return fail(why, ERR_CONFIG, NULL,
		    "this processor has no AVX2, which the engine that Antiphon brings along is built for.");
#else
	return fail(
	    why, ERR_CONFIG, NULL,
	    "the engine that Antiphon brings along is built for x86-64 with AVX2, and this is another processor.");
#endif
}
