# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
#
# What the scripts of this directory share; read with `source`. Nothing here changes the current
# directory, so a path that a user gives stays relative to where the user stands.
# (SC2034: names set here and used only by the scripts that read this file.)

ci_root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
ci_build=$ci_root/build
ci_reports=$ci_build/reports
# Debian's interpreter carries the packages that the scripts need; another one on PATH may not.
ci_python=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1

# One line on stderr, then the end. 4 is the exit code for "wrong usage or setting" everywhere.
ci_die() {
    local status=$1
    shift
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit "$status"
}

# The command as one line that can be pasted into a shell in the repository.
ci_show() {
    local word line='+'
    for word in "$@"; do
        if [[ $word == "$ci_root" ]]; then
            word=.
        fi
        line+=" $(printf '%q' "${word//"$ci_root"\//}")"
    done
    printf '%s\n' "$line"
}

# Show a command, then run it.
ci_run() {
    ci_show "$@"
    "$@"
}

# Show a command and run it; its output is shown only when it fails.
ci_run_quiet() {
    local output status=0
    ci_show "$@"
    output=$("$@" 2>&1) || status=$?
    if ((status != 0)); then
        printf '%s\n' "$output"
    fi
    return "$status"
}

# Configure and build one preset: ci_build_preset NAME [-DOPTION=VALUE...]
ci_build_preset() {
    local preset=$1
    shift
    ci_run_quiet cmake -S "$ci_root" --preset "$preset" "$@" &&
        ci_run cmake --build "$ci_build/$preset"
}
