/* SPDX-License-Identifier: Apache-2.0 */
/* The steering of a race-window search; see race.h. */
#include "race.h"

#include <stdlib.h>
#include <string.h>

#define DURATION_FIRST_NS 1000u /* until one was measured */
#define EXPLORE_STEP_NS 64u     /* smallest step of exploration; each doubling is as likely */
#define EXPLORE_DOUBLINGS 13u   /* up to half a millisecond */

/* Of a hundred choices. */
enum { SHARE_FLIP = 40, SHARE_OVERLAP = 30, SHARE_PHASE = 22 };

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

uint64_t cts_race_median(const struct cts_race_durations *durations)
{
    uint64_t sorted[CTS_RACE_DURATIONS];
    if (durations->count == 0) {
        return DURATION_FIRST_NS;
    }
    memcpy(sorted, durations->ns, durations->count * sizeof sorted[0]);
    qsort(sorted, durations->count, sizeof sorted[0], by_value);
    return sorted[durations->count / 2];
}

static void add_duration(struct cts_race_durations *durations, uint64_t ns)
{
    durations->ns[durations->next] = ns;
    durations->next = (durations->next + 1) % CTS_RACE_DURATIONS;
    durations->count += durations->count < CTS_RACE_DURATIONS;
}

/* A number from `from` to `to`, at most 2^32 - 1 apart. */
static int64_t between(int64_t from, int64_t to, rtl_uint32_t (*random)(rtl_uint32_t))
{
    int64_t width = to - from;
    if (width <= 0) {
        return from;
    }
    return from + (int64_t)random(width < UINT32_MAX ? (rtl_uint32_t)width + 1 : UINT32_MAX);
}

static int by_delay(const void *a, const void *b)
{
    const struct cts_race_sample *left = a;
    const struct cts_race_sample *right = b;
    return (left->delay_ns > right->delay_ns) - (left->delay_ns < right->delay_ns);
}

/* The samples in the order of their delays; gives how many neighbours differ in outcome. */
static unsigned sort_samples(const struct cts_race_search *search, struct cts_race_sample *sorted)
{
    unsigned flips = 0;
    memcpy(sorted, search->samples, search->sample_count * sizeof sorted[0]);
    qsort(sorted, search->sample_count, sizeof sorted[0], by_delay);
    for (unsigned i = 1; i < search->sample_count; i++) {
        flips += sorted[i].outcome != sorted[i - 1].outcome;
    }
    return flips;
}

/* Near one of the delays at which the outcome changed, any of them with the same right. */
static bool choose_flip(const struct cts_race_search *search, rtl_uint32_t (*random)(rtl_uint32_t),
                        int64_t *delay)
{
    struct cts_race_sample sorted[CTS_RACE_SAMPLES];
    unsigned flips = sort_samples(search, sorted);
    if (flips == 0) {
        return false;
    }
    unsigned chosen = random(flips);
    for (unsigned i = 1; i < search->sample_count; i++) {
        if (sorted[i].outcome != sorted[i - 1].outcome && chosen-- == 0) {
            /* A little beyond both: the border moves with caches and interrupts. */
            int64_t margin = (int64_t)cts_race_median(&search->trigger) / 4;
            *delay = between(sorted[i - 1].delay_ns - margin, sorted[i].delay_ns + margin, random);
            return true;
        }
    }
    return false;
}

static int64_t choose_overlap(const struct cts_race_search *search,
                              rtl_uint32_t (*random)(rtl_uint32_t))
{
    int64_t from = -(int64_t)cts_race_median(&search->trigger);
    int64_t to = (int64_t)cts_race_median(&search->rival);
    return between(from, to, random);
}

/* Again about where the phase that lacks most was reached. */
static bool choose_phase(const struct cts_race_search *search, rtl_uint32_t (*random)(rtl_uint32_t),
                         int64_t *delay)
{
    unsigned least = CTS_RACE_PHASES;
    for (unsigned i = 0; i < CTS_RACE_PHASES; i++) {
        bool lacks = (search->phases >> i & 1u) != 0 && search->counts[i] < search->wanted;
        if (lacks && (least == CTS_RACE_PHASES || search->counts[i] < search->counts[least])) {
            least = i;
        }
    }
    if (least == CTS_RACE_PHASES || search->reached_count[least] == 0) {
        return false;
    }
    unsigned known = search->reached_count[least] < CTS_RACE_REACHED ? search->reached_count[least]
                                                                     : CTS_RACE_REACHED;
    int64_t about = search->reached[least][random(known)];
    int64_t spread = (int64_t)cts_race_median(&search->trigger) / 2;
    *delay = between(about - spread, about + spread, random);
    return true;
}

static int64_t explore(const struct cts_race_search *search, rtl_uint32_t (*random)(rtl_uint32_t))
{
    int64_t step = (int64_t)EXPLORE_STEP_NS << random(EXPLORE_DOUBLINGS + 1);
    int64_t delay = between(step, 2 * step, random);
    return search->centre_ns + (random(2) == 0 ? delay : -delay);
}

int64_t cts_race_choose(const struct cts_race_search *search, rtl_uint32_t (*random)(rtl_uint32_t))
{
    int64_t delay = 0;
    unsigned share = random(100);
    if (share < SHARE_FLIP && choose_flip(search, random, &delay)) {
        return delay;
    }
    /* Where both begin at a time that is far off, the overlap is not about zero. */
    if (share < SHARE_FLIP + SHARE_OVERLAP && search->centre_ns == 0) {
        return choose_overlap(search, random);
    }
    if (share < SHARE_FLIP + SHARE_OVERLAP + SHARE_PHASE && choose_phase(search, random, &delay)) {
        return delay;
    }
    return explore(search, random);
}

void cts_race_learn(struct cts_race_search *search, const struct cts_race_result *result)
{
    add_duration(&search->trigger, result->trigger_ns);
    add_duration(&search->rival, result->rival_ns);
    search->samples[search->sample_next] =
        (struct cts_race_sample){result->delay_ns, result->outcome};
    search->sample_next = (search->sample_next + 1) % CTS_RACE_SAMPLES;
    search->sample_count += search->sample_count < CTS_RACE_SAMPLES;
    unsigned phase = result->phase;
    search->counts[phase]++;
    search->reached[phase][search->reached_count[phase]++ % CTS_RACE_REACHED] = result->planned_ns;
    if (result->delay_ns < 0 && (uint64_t)-result->delay_ns < result->trigger_ns) {
        search->overlaps[0]++;
    } else if (result->delay_ns >= 0 && (uint64_t)result->delay_ns < result->rival_ns) {
        search->overlaps[1]++;
    }
}

bool cts_race_is_covered(const struct cts_race_search *search)
{
    for (unsigned i = 0; i < CTS_RACE_PHASES; i++) {
        if ((search->phases >> i & 1u) != 0 && search->counts[i] < search->wanted) {
            return false;
        }
    }
    return search->centre_ns != 0 ||
           (search->overlaps[0] >= search->wanted && search->overlaps[1] >= search->wanted);
}

bool cts_race_flips(const struct cts_race_search *search, int64_t *from_ns, int64_t *to_ns)
{
    struct cts_race_sample sorted[CTS_RACE_SAMPLES];
    bool any = false;
    (void)sort_samples(search, sorted);
    for (unsigned i = 1; i < search->sample_count; i++) {
        if (sorted[i].outcome != sorted[i - 1].outcome) {
            *from_ns = any ? *from_ns : sorted[i - 1].delay_ns;
            *to_ns = sorted[i].delay_ns;
            any = true;
        }
    }
    return any;
}
