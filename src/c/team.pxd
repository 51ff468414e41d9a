"""Threads that share the slabs of a pass (team.h)."""

from libc.stdint cimport int64_t

cdef extern from "team.h" nogil:
    ctypedef struct Team:
        pass
    void team_reset(Team* team)
    int team_open(Team* team, int64_t slabs)
    int64_t team_take(Team* team, int number)
    void team_serve(Team* team)
    void team_share(Team* team)
    int team_wait(Team* team, int* seen)
    void team_close(Team* team)
