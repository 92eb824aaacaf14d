/* taped.h - hosted tools whose calls are answered from a recording, where one is played (docs/record.md). */
#pragma once
struct toolrun;

/* Instead of the tool: what the recording has of this call, or that it has none. Worker thread. */
void taped_run(struct toolrun *run);
