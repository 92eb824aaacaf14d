/* packages.h - the Python packages that sessions have: a virtual environment of their own, beside the data folder. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum { PACKAGES_FOLDER = 4096 };

/* Where they are or would be: `given`, or when that is {0} or empty the usual place, where another user can walk when
 * the server is root. false: there is no such place (no HOME); *ret is "". */
bool packages_folder(struct str given, char ret[PACKAGES_FOLDER]);
/* Is there an environment? */
bool packages_there(const char *folder);
/* "Python 3.11: contourpy 1.3.3, cycler 0.12.1, ...", in the order of their names; without a folder what the system
 * has. */
void packages_list(const char *folder, struct buf *out);
/* Fetches and installs a set ("standard", "full"): says on standard output how far it is, blocks for minutes. What was
 * there stays until the new one is whole. false: ERR_INVALID_VALUE (no such set), ERR_CONFIG (it said why). */
bool packages_install(const char *folder, struct str set, struct err *e);
