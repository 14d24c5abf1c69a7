// jemalloc's settings for the server: memory that was freed goes back to the system soon.
//
// Spilling frees as much as it allocates; with jemalloc's default of ten seconds the pages in
// between would stand beside maxmemory in the process's resident size. A background thread does the
// returning, so that the executor does not. While there is room, allocator.cc lets pages stay
// longer. Few arenas: one thread allocates nearly everything, and what is free in one is of no use
// to the others (four held 7 % more).
// docs/performance.md has the figures.

extern "C" {
// Read by jemalloc before main().
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,narenas:2";
}
