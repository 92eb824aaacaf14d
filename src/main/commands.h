/* commands.h - the commands of the program (commands.def). Main thread. */
#pragma once
#include "base/err.h"

/* Each takes its own argv (argv[0] is the command's name) and returns the exit status. */
int serve_command(int argc, char **argv);
int keys_command(int argc, char **argv);
int ask_command(int argc, char **argv);
int check_command(int argc, char **argv);
int console_command(int argc, char **argv);
int env_command(int argc, char **argv);
int approvals_command(int argc, char **argv);
int prompts_command(int argc, char **argv);
int sandbox_command(int argc, char **argv);
int codex_command(int argc, char **argv);
int mcp_command(int argc, char **argv);
