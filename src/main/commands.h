/* commands.h - the commands of the program (commands.def). Main thread. */
#pragma once
#include "base/err.h"

/* Each takes its own argv (argv[0] is the command's name) and returns the exit status. */
#define COMMAND(name, args, help, more) int name##_command(int argc, char **argv);
#include "main/commands.def"
#undef COMMAND
