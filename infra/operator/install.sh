#!/usr/bin/env bash
# Installs the release unpacked at $1 on the operator machine: the pinned venv, ClickHouse's CA, and two commands:
#   mdw …            with the auditor's URL
#   mdw-as ROLE …    with the URL of admin, ingest, transform, auditor or researcher
# Running it again repeats nothing that is already done.
set -Eeuo pipefail

project="${1:?usage: install.sh FOLDER_OF_THE_RELEASE}"
base="${MDW_BASE:-/opt/mdw}"
bin="${MDW_BIN_FOLDER:-/usr/local/bin}"
python="${MDW_PYTHON:-python3.12}"
say() { printf '%s operator: %s\n' "$(date -u +%FT%TZ)" "$*"; }
trap 'say "FAILED in line $LINENO: see journalctl -u mdw-operator" >&2' ERR

lock="$project/requirements/runtime.txt"
key="$(sha256sum "$lock" | cut -c1-16)"
venv="$base/venvs/$key"
if [[ ! -e "$venv/.complete" ]]; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --no-deps \
        --only-binary :all: -r "$project/infra/mwaa/bootstrap.txt"
    VIRTUAL_ENV="$venv" UV_LINK_MODE=copy "$venv/bin/uv" pip install --quiet --no-cache --require-hashes --no-deps \
        --no-build-isolation -r "$lock"
    touch "$venv/.complete"
fi
site="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
printf '%s\n' "$base/current" >"$site/mdw-project.pth"
ln -sfn "$project" "$base/current"
ln -sfn "$venv" "$base/venv"

ca=""
if [[ -n "${MDW_CA_KEY:-}" ]]; then
    ca="$base/clickhouse-ca.pem"
    aws s3 cp --only-show-errors "s3://$MDW_CODE_BUCKET/$MDW_CA_KEY" "$ca"
    chmod 0644 "$ca"
fi

install -d "$bin"
cat >"$bin/mdw-as" <<COMMAND
#!/usr/bin/env bash
# mdw-as ROLE ARGUMENTS: \`mdw\` with the URL of that role, which never appears in an argument.
set -euo pipefail
role="\${1:?usage: mdw-as admin|ingest|transform|auditor|researcher ARGUMENTS}"
shift
case "\$role" in
admin | ingest | transform | auditor) secret="variables/clickhouse_url_\$role" ;;
researcher) secret="alphaforge/clickhouse_url" ;;
*) echo "mdw-as: '\$role' is not a role: use admin, ingest, transform, auditor or researcher" >&2; exit 2 ;;
esac
export AWS_DEFAULT_REGION="$AWS_DEFAULT_REGION" MDW_ENVIRONMENT="$MDW_ENVIRONMENT" MDW_CLUSTER="${MDW_CLUSTER:-}" MDW_CA_FILE="$ca"
export MDW_HOME="\${MDW_HOME:-\$HOME/mdw}" DO_NOT_TRACK=1 PATH="$venv/bin:\$PATH"
MDW_CLICKHOUSE_URL="\$(aws secretsmanager get-secret-value --query SecretString --output text \\
    --secret-id "$MDW_PROJECT_NAME/$MDW_ENVIRONMENT/\$secret")"
export MDW_CLICKHOUSE_URL
exec "$venv/bin/python" -P -m mdw "\$@"
COMMAND
printf '#!/bin/sh\nexec "%s/mdw-as" auditor "$@"\n' "$bin" >"$bin/mdw"
chmod 0755 "$bin/mdw-as" "$bin/mdw"
touch "$project/.complete"
say "ready: release ${project##*/}, \`mdw doctor\`, \`mdw-as admin migrate\`"
