/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The annotated mutex, the names of clang's thread-safety attributes, and the hint to the processor
 * that we spin. The attributes are empty outside clang. Only a global lock may stand in
 * REF_GUARDED_BY: clang 14 rejects a sibling member there.
 */
#ifndef REF_LOCK_H
#define REF_LOCK_H

#include <pthread.h>

#if defined(__clang__)
#define REF_ATTRIBUTE_(x) __attribute__((x))
#else
#define REF_ATTRIBUTE_(x)
#endif

#define REF_CAPABILITY(name) REF_ATTRIBUTE_(capability(name))
#define REF_GUARDED_BY(lock) REF_ATTRIBUTE_(guarded_by(lock))
#define REF_REQUIRES(lock) REF_ATTRIBUTE_(requires_capability(lock))
#define REF_EXCLUDES(lock) REF_ATTRIBUTE_(locks_excluded(lock))
#define REF_ACQUIRE(lock) REF_ATTRIBUTE_(acquire_capability(lock))
#define REF_RELEASE(lock) REF_ATTRIBUTE_(release_capability(lock))
/* Needs one sentence of proof where it is used. */
#define REF_NO_ANALYSIS REF_ATTRIBUTE_(no_thread_safety_analysis)

struct REF_CAPABILITY("mutex") ref_lock {
    pthread_mutex_t mutex;
};

/* Adaptive: the domain lock is held for less than a microsecond, so that a short spin beats a sleep
 * when the holder runs on another core. */
#if defined(PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP)
#define REF_LOCK_INITIALIZER                                                                       \
    {                                                                                              \
        PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP                                                      \
    }
#else
#define REF_LOCK_INITIALIZER                                                                       \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER                                                                  \
    }
#endif

static inline void ref_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("pause");
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
