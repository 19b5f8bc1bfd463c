#!/bin/bash
# Runs on every MWAA container before Airflow starts (limit: 5 minutes). Unpacks the release and, where tasks run, builds
# the pipeline's own venv from the hash-pinned requirements. Running it again repeats nothing that is already done.
#
# MWAA sources this file in a shell whose environment is kept: the work is done in a subshell, and only the exports at
# the end reach Airflow. A failure ends the container's start with one line that gives the reason, because a worker
# without its venv would fail every task.

export MDW_BASE="${MDW_BASE:-/usr/local/airflow/mdw}"

(
    set -Eeuo pipefail
    # Leaves one of the five minutes for MWAA's own steps.
    LIMIT_SECONDS="${MDW_STARTUP_LIMIT:-240}"
    PYTHON="${MDW_PYTHON:-python3}"
    STEP="start"

    say() { printf '[mdw startup] %s\n' "$*"; }
    # Not on ERR, which is not raised when an unset variable ends the shell.
    trap '[[ $? -eq 0 ]] || say "FAILED in step \"$STEP\": $(cat "$MDW_BASE/last-error") - see infra/mwaa/README.md, Startup"' EXIT

    mkdir -p "$MDW_BASE"
    : >"$MDW_BASE/last-error"
    because() { printf '%s' "$*" >"$MDW_BASE/last-error"; }

    # Two simultaneous starts of a container must not build the same venv.
    exec 9>"$MDW_BASE/lock"
    flock -w "$LIMIT_SECONDS" 9

    STEP="settings"
    because "AIRFLOW__MDW__RELEASE_URI and AIRFLOW__MDW__RELEASE_SHA256 must come from the environment's configuration options (deploy.py sets them)"
    release_uri="${AIRFLOW__MDW__RELEASE_URI:?}"
    release_sha="${AIRFLOW__MDW__RELEASE_SHA256:?}"
    project="$MDW_BASE/releases/$release_sha"

    fetch() { # fetch S3_URI FILE
        "$PYTHON" - "$1" "$2" <<'PYTHON'
import sys
from urllib.parse import urlsplit

import boto3

where = urlsplit(sys.argv[1])
boto3.client("s3").download_file(where.netloc, where.path.lstrip("/"), sys.argv[2])
PYTHON
    }

    STEP="release"
    if [[ ! -e "$project/.complete" ]]; then
        because "could not fetch $release_uri: check the execution role, the bucket and the S3 endpoint"
        fetch "$release_uri" "$MDW_BASE/project.zip"
        because "$release_uri is not the file that was deployed: its sha256 differs from $release_sha"
        echo "$release_sha  $MDW_BASE/project.zip" | sha256sum --check --quiet
        because "could not unpack the release into $project: is the disk full?"
        rm -rf "$project"
        mkdir -p "$project"
        "$PYTHON" -m zipfile -e "$MDW_BASE/project.zip" "$project"
        touch "$project/.complete"
        say "release $release_sha unpacked"
    fi
    ln -sfn "$project" "$MDW_BASE/current"

    STEP="certificate"
    if [[ -n "${AIRFLOW__MDW__CA_CERTIFICATE_URI:-}" ]]; then
        because "could not fetch ClickHouse's authority from $AIRFLOW__MDW__CA_CERTIFICATE_URI: was the ClickHouse node deployed?"
        fetch "$AIRFLOW__MDW__CA_CERTIFICATE_URI" "$MDW_BASE/clickhouse-ca.pem"
    fi

    STEP="venv"
    # Web server and scheduler only read DAG files.
    case "${MWAA_AIRFLOW_COMPONENT:-worker}" in scheduler | webserver) builtin exit 0 ;; esac

    lock="$project/requirements/runtime.txt"
    because "the release holds no requirements/runtime.txt: it was not made by deploy.py"
    [[ -s "$lock" ]]
    key="$({ "$PYTHON" -c 'import sys; print(sys.version, sys.prefix)'; cat "$lock"; } | sha256sum | cut -c1-16)"
    venv="$MDW_BASE/venvs/$key"
    if [[ -e "$venv/.complete" ]]; then
        say "venv $key already exists"
    else
        started=$SECONDS
        # A venv without its marker file is incomplete.
        rm -rf "$venv"
        because "could not make a venv with $PYTHON"
        "$PYTHON" -m venv "$venv"
        because "could not install uv within $LIMIT_SECONDS s: no way to the package index (NAT, route, security group), or it was removed there"
        timeout "$LIMIT_SECONDS" "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
            --require-hashes --no-deps --only-binary :all: -r "$project/infra/mwaa/bootstrap.txt"
        left=$((LIMIT_SECONDS - (SECONDS - started)))
        because "could not install the locked requirements within $LIMIT_SECONDS s: see the lines above for the package; a hash that differs means that the file at the index is not the one that was locked"
        # Without build isolation, a package without a wheel is built by the setuptools pinned above.
        VIRTUAL_ENV="$venv" UV_LINK_MODE=copy timeout "$left" "$venv/bin/uv" pip install --quiet --no-cache \
            --require-hashes --no-deps --no-build-isolation -r "$lock"
        touch "$venv/.complete"
        say "venv $key built in $((SECONDS - started)) s"
    fi

    STEP="project"
    because "could not link the project into the venv"
    # The project itself is not installed, so that a new release with the same lock file needs no new venv.
    site="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
    printf '%s\n' "$MDW_BASE/current" >"$site/mdw-project.pth"
    # -P: a folder named mdw in a task's working directory must not be imported as the project.
    printf '#!/bin/sh\nexec "%s/bin/python" -P -m mdw "$@"\n' "$venv" >"$venv/bin/mdw.new"
    chmod 755 "$venv/bin/mdw.new"
    mv -f "$venv/bin/mdw.new" "$venv/bin/mdw"
    ln -sfn "$venv" "$MDW_BASE/venv"
    because "the venv does not run the command line"
    "$MDW_BASE/venv/bin/mdw" --help >/dev/null
    say "ready: $("$venv/bin/python" --version), release $release_sha"
)
# shellcheck disable=SC2181 # "if ! ( … )" would switch off the subshell's set -e.
if [[ $? -ne 0 ]]; then
    # MWAA replaces the word exit with a version that reports success; builtin exit is the real one.
    builtin exit 1
fi

export MDW_PROJECT="$MDW_BASE/current"
export MDW_BIN="$MDW_BASE/venv/bin/mdw"
export MDW_HOME="$MDW_BASE/home"
export MDW_UNIVERSE="$MDW_PROJECT/config/universe.yml"
export MDW_ENVIRONMENT="${AIRFLOW__MDW__ENVIRONMENT:-}"
export MDW_ALERT_TOPIC_ARN="${AIRFLOW__MDW__ALERT_TOPIC_ARN:-}"
export MDW_DATA_BUCKET="${AIRFLOW__MDW__DATA_BUCKET:-}"
export MDW_CLUSTER="${AIRFLOW__MDW__CLUSTER:-}"
[[ ! -s "$MDW_BASE/clickhouse-ca.pem" ]] || export MDW_CA_FILE="$MDW_BASE/clickhouse-ca.pem"
export MDW_CODE_REVISION="${AIRFLOW__MDW__RELEASE_SHA256:0:12}"
[[ ! -d "$MDW_PROJECT/dbt_packages" ]] || export MDW_DBT_PACKAGES="$MDW_PROJECT/dbt_packages"
export DO_NOT_TRACK=1
