/* SPDX-License-Identifier: Apache-2.0 */
#include "shard.h"

#include <errno.h>
#include <string.h>

static void add_number(struct sha256 *hash, const char *name, double value)
{
    struct text text = {0};
    text_printf(&text, "%s=%.17g", name, value);
    sha256_add_string(hash, text_string(&text));
    text_finish(&text);
}

static void suite_digest(const struct catalogue *catalogue, char hex[SHA256_HEX_SIZE])
{
    struct sha256 hash;
    sha256_begin(&hash);
    sha256_add_string(&hash, CTS_VERSION);
    for (size_t i = 0; i < cts_requirement_count; i++) {
        sha256_add_string(&hash, cts_requirements[i].id);
        sha256_add_string(&hash, cts_requirements[i].fingerprint);
    }
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct catalogue_case *item = &catalogue->cases[i];
        sha256_add_string(&hash, item->id);
        sha256_add_string(&hash, item->title);
        sha256_add_string(&hash, item->layout);
        sha256_add_string(&hash, item->limit);
        add_number(&hash, "traits", item->traits);
    }
    sha256_end(&hash, hex);
}

static void plan_digest(const struct catalogue *catalogue, char hex[SHA256_HEX_SIZE])
{
    struct sha256 hash;
    sha256_begin(&hash);
    for (size_t i = 0; i < catalogue->count; i++) {
        if (catalogue->cases[i].selected) {
            sha256_add_string(&hash, catalogue->cases[i].id);
        }
    }
    sha256_end(&hash, hex);
}

static void profile_digest(const struct options *options, const char *plan,
                           char hex[SHA256_HEX_SIZE])
{
    struct sha256 hash;
    sha256_begin(&hash);
    sha256_add_string(&hash, options->profile);
    sha256_add_string(&hash, extent_word(options->wanted.extent));
    sha256_add_string(&hash, options->claims);
    sha256_add_string(&hash, options->sut_version);
    add_number(&hash, "repeat", options->repeat);
    add_number(&hash, "seed", options->seed);
    add_number(&hash, "shuffle", options->shuffle);
    add_number(&hash, "strict", options->strict);
    add_number(&hash, "factor", options->timeout_factor);
    add_number(&hash, "shards", options->shard_count);
    sha256_add_string(&hash, plan);
    sha256_end(&hash, hex);
}

static bool file_digest(const struct sut_file *file, char hex[SHA256_HEX_SIZE], struct text *error)
{
    if (!sha256_file(file->path, hex)) {
        text_puts(error, "cannot read ");
        text_visible(error, file->path);
        text_printf(error, ": %s", strerror(errno));
        return false;
    }
    return true;
}

bool identity_of(struct identity *identity, const struct options *options,
                 const struct target *target, const struct catalogue *catalogue, struct text *error)
{
    *identity = (struct identity){0};
    suite_digest(catalogue, identity->suite);
    plan_digest(catalogue, identity->plan);
    profile_digest(options, identity->plan, identity->profile);
    return file_digest(&target->sut, identity->sut, error) &&
           (!target->has_adapter_file || file_digest(&target->adapter, identity->adapter, error));
}

bool shard_keep(struct catalogue *catalogue, unsigned index, unsigned count, struct text *error)
{
    size_t selected = catalogue_selected(catalogue);
    size_t position = 0;
    if (selected < count) {
        text_printf(error, "--shard %u/%u: only %zu case%s selected, so take %zu shards at most",
                    index, count, selected, selected == 1 ? " is" : "s are", selected);
        return false;
    }
    for (size_t i = 0; i < catalogue->count; i++) {
        struct catalogue_case *item = &catalogue->cases[i];
        if (item->selected) {
            item->selected = position % count == index - 1;
            position++;
        }
    }
    return true;
}
