/* statement.c - the statements' texts. */
#include "store/statement.h"

const char *const statement_sql[STMT_COUNT] = {
#define STMT(name, sql) [STMT_##name] = sql,
#include "store/statements.def"
#undef STMT
};
