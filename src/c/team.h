/* Threads that share the slabs of pass after pass: who is free takes the next. Nobody sleeps within a call of a kernel,
   which lasts some 20 ms; who waits long lets other threads have the processor. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>
#if defined(_WIN32)
__declspec(dllimport) int __stdcall SwitchToThread(void);
#define YIELD() SwitchToThread()
#else
#include <sched.h>
#define YIELD() sched_yield()
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define BREATHE() _mm_pause()
#elif (defined(__GNUC__) || defined(__clang__)) && defined(__aarch64__)
#define BREATHE() __asm__ volatile("yield")
#else
#define BREATHE() ((void)0)
#endif

enum { PATIENCE = 2000 };

/* `next` holds the pass in its upper half and the next slab in its lower one, so that who comes late takes nothing. */
typedef struct {
    _Atomic uint64_t next;
    _Atomic int64_t slabs, served;
    _Atomic int pass, closed;
} Team;

static inline void team_reset(Team *team)
{
    atomic_init(&team->next, 0);
    atomic_init(&team->slabs, 0);
    atomic_init(&team->served, 0);
    atomic_init(&team->pass, 0);
    atomic_init(&team->closed, 0);
}

static inline void team_pause(int *turns)
{
    if (++*turns < PATIENCE)
        BREATHE();
    else
        YIELD();
}

/* The leader opens a pass over so many slabs. Who comes late from the last one may read how many they are: so that they
   take nothing for it, the last pass is closed before that changes. */
static inline int team_open(Team *team, int64_t slabs)
{
    int pass = atomic_load_explicit(&team->pass, memory_order_relaxed) + 1;
    atomic_store_explicit(&team->next, (uint64_t)pass << 32 | 0xFFFFFFFFu, memory_order_relaxed);
    atomic_store_explicit(&team->slabs, slabs, memory_order_release);
    atomic_store_explicit(&team->served, 0, memory_order_relaxed);
    atomic_store_explicit(&team->next, (uint64_t)pass << 32, memory_order_release);
    atomic_store_explicit(&team->pass, pass, memory_order_release);
    return pass;
}

/* A slab of this pass to work on, -1: none is left. */
static inline int64_t team_take(Team *team, int pass)
{
    uint64_t next = atomic_load_explicit(&team->next, memory_order_acquire);
    int64_t slabs = atomic_load_explicit(&team->slabs, memory_order_relaxed);
    while ((int)(next >> 32) == pass && (int64_t)(next & 0xFFFFFFFFu) < slabs)
        if (atomic_compare_exchange_strong_explicit(&team->next, &next, next + 1, memory_order_acq_rel,
                                                    memory_order_acquire))
            return (int64_t)(next & 0xFFFFFFFFu);
    return -1;
}

static inline void team_serve(Team *team)
{
    atomic_fetch_add_explicit(&team->served, 1, memory_order_release);
}

/* The leader waits until all slabs are done. */
static inline void team_share(Team *team)
{
    int turns = 0;
    while (atomic_load_explicit(&team->served, memory_order_acquire)
           < atomic_load_explicit(&team->slabs, memory_order_relaxed))
        team_pause(&turns);
}

/* A member waits for a pass that it has not seen; 0: there will be none. */
static inline int team_wait(Team *team, int *seen)
{
    int turns = 0;
    for (;;) {
        int pass = atomic_load_explicit(&team->pass, memory_order_acquire);
        if (pass != *seen) {
            *seen = pass;
            return 1;
        }
        if (atomic_load_explicit(&team->closed, memory_order_acquire))
            return 0;
        team_pause(&turns);
    }
}

static inline void team_close(Team *team)
{
    atomic_store_explicit(&team->closed, 1, memory_order_release);
}
