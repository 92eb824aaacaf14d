/* cpu.h - can the managed engine run on this processor? Its builds need AVX2 (measured). Any thread. */
#pragma once
#include "base/err.h"

/* false: *why says what is missing. */
bool cpu_fits(struct err *why);
