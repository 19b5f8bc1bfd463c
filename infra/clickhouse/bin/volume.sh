#!/usr/bin/env bash
# Attaches the data volume, creates a file system only if it has none, mounts it at /var/lib/clickhouse, and grows the
# file system to the size of the volume. Run it again after enlarging the volume.
set -Eeuo pipefail
# shellcheck source=bin/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MOUNT="${MDW_MOUNT:-/var/lib/clickhouse}"
DEVICE="/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${MDW_VOLUME/-/}"

if mountpoint -q "$MOUNT"; then
    # The volume may have been enlarged in the parameters while in use: xfs grows online, and there are no partitions.
    xfs_growfs "$MOUNT" >/dev/null
    say "already mounted, $(df -h --output=size "$MOUNT" | tail -1 | tr -d ' ') in all"
    exit 0
fi

token="$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)"
instance="$(curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id)"
# The previous machine may still have it attached for a minute.
for _ in $(seq 60); do
    state="$(aws ec2 describe-volumes --volume-ids "$MDW_VOLUME" --query 'Volumes[0].Attachments[0].InstanceId' --output text)"
    [[ "$state" != "$instance" ]] || break
    if [[ "$state" == None ]]; then
        aws ec2 attach-volume --volume-id "$MDW_VOLUME" --instance-id "$instance" --device /dev/sdf >/dev/null || true
    fi
    sleep 5
done
for _ in $(seq 30); do [[ -b "$DEVICE" ]] && break; sleep 2; done
[[ -b "$DEVICE" ]] || fail "volume $MDW_VOLUME did not arrive as $DEVICE; is another machine holding it?"

if ! blkid "$DEVICE" >/dev/null; then
    say "new volume: making an xfs file system"
    mkfs.xfs -q "$DEVICE"
fi
install -d "$MOUNT"
mount_at_boot "$DEVICE" "$MOUNT"
mount "$MOUNT"
# The volume may have been enlarged in the parameters.
xfs_growfs "$MOUNT" >/dev/null
say "mounted $MDW_VOLUME"
