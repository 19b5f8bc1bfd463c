#!/bin/sh
# Lays out Elementary's dbt packages from local git mirrors, for machines that cannot reach the dbt hub:
#   elementary/packages_from_git.sh ELEMENTARY.git DBT_UTILS.git FOLDER && export MDW_DBT_PACKAGES=FOLDER
# The mirrors are clones of github.com/elementary-data/dbt-data-reliability and github.com/dbt-labs/dbt-utils.
set -eu
[ $# -eq 3 ] || { sed -n 2,4p "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)

version() { sed -n "/package: .*\/$1\$/{n;s/.*version: *//p;}" "$here/packages.yml"; }

unpack() {
    tag=$(version "$2")
    mkdir -p "$3/$2"
    git --git-dir="$1" archive "$tag" | tar -x -C "$3/$2"
    # Nested projects that dbt ignores, but that would confuse people.
    rm -rf "$3/$2/integration_tests"
    echo "$2 $tag -> $3/$2"
}

unpack "$1" elementary "$3"
unpack "$2" dbt_utils "$3"
