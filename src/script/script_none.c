/* script_none.c - stands for the program where QuickJS was not there to make it: programs are refused by name. */
#include "script/script.h"

const unsigned char script_bytes[] = {0};
const size_t script_bytes_n = 0;
