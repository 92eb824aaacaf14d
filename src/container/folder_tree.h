/* folder_tree.h - a folder that strangers' code has filled is removed. Inside container/ alone.
 *
 * However deep it is, three descriptors do: folders are moved up and emptied one by one. Links are never followed. What
 * cannot be removed is logged, and tried again at the next start. Nobody works in it any more. Blocks. */
#pragma once

void tree_remove(int dir, const char *name);
