/* folder.h - a data folder is private, and one process owns it. */
#pragma once
#include "base/err.h"

/* Makes the folder, private, and takes its lock, so that one process owns it; the number goes to folder_release(). */
bool folder_take(const char *dir, int *ret, struct err *e);
void folder_release(int lock);
