/* Threads that share the slabs of pass after pass: who is free takes the next. Nobody sleeps within a call of a kernel,
   which lasts some 20 ms; who waits long lets other threads have the processor. */
#pragma once
#include <sched.h>
#include <stdint.h>

#if defined(__x86_64__) || defined(__i386__)
#define BREATHE() __builtin_ia32_pause()
#else
#define BREATHE() ((void)0)
#endif

enum { PATIENCE = 2000 };

/* `next` holds the pass in its upper half and the next slab in its lower one, so that who comes late takes nothing. */
typedef struct {
    uint64_t next;
    int64_t slabs, served;
    int pass;
    int closed;
} Team;

static inline void team_reset(Team *team)
{
    team->next = 0;
    team->slabs = team->served = 0;
    team->pass = team->closed = 0;
}

static inline void team_pause(int *turns)
{
    if (++*turns < PATIENCE)
        BREATHE();
    else
        sched_yield();
}

/* The leader opens a pass over so many slabs. Who comes late from the last one may read how many they are: so that they
   take nothing for it, the last pass is closed before that changes. */
static inline int team_open(Team *team, int64_t slabs)
{
    int pass = team->pass + 1;
    __atomic_store_n(&team->next, (uint64_t)pass << 32 | 0xFFFFFFFFu, __ATOMIC_RELAXED);
    __atomic_store_n(&team->slabs, slabs, __ATOMIC_RELEASE);
    __atomic_store_n(&team->served, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&team->next, (uint64_t)pass << 32, __ATOMIC_RELEASE);
    __atomic_store_n(&team->pass, pass, __ATOMIC_RELEASE);
    return pass;
}

/* A slab of this pass to work on, -1: none is left. */
static inline int64_t team_take(Team *team, int pass)
{
    uint64_t next = __atomic_load_n(&team->next, __ATOMIC_ACQUIRE);
    int64_t slabs = __atomic_load_n(&team->slabs, __ATOMIC_RELAXED);
    while ((int)(next >> 32) == pass && (int64_t)(next & 0xFFFFFFFFu) < slabs)
        if (__atomic_compare_exchange_n(&team->next, &next, next + 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return (int64_t)(next & 0xFFFFFFFFu);
    return -1;
}

static inline void team_serve(Team *team)
{
    __atomic_fetch_add(&team->served, 1, __ATOMIC_RELEASE);
}

/* The leader waits until all slabs are done. */
static inline void team_share(Team *team)
{
    int turns = 0;
    while (__atomic_load_n(&team->served, __ATOMIC_ACQUIRE) < team->slabs)
        team_pause(&turns);
}

/* A member waits for a pass that it has not seen; 0: there will be none. */
static inline int team_wait(Team *team, int *seen)
{
    int turns = 0;
    for (;;) {
        int pass = __atomic_load_n(&team->pass, __ATOMIC_ACQUIRE);
        if (pass != *seen) {
            *seen = pass;
            return 1;
        }
        if (__atomic_load_n(&team->closed, __ATOMIC_ACQUIRE))
            return 0;
        team_pause(&turns);
    }
}

static inline void team_close(Team *team)
{
    __atomic_store_n(&team->closed, 1, __ATOMIC_RELEASE);
}
