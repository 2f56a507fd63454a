# Starts systemd as the first process of namespaces of its own. $1: a folder to mount the cgroups at,
# $2: the cgroup that all of it lives in, $3: the folder with its units.
set -e
mount --make-rprivate /
mount -t cgroup2 cgroup2 "$1"
mkdir "$1/$2"
echo $$ >"$1/$2/cgroup.procs"
umount "$1"
# `--kill-child`: nothing is left when whoever waits for it is gone.
exec unshare -C -p -f -m -u -i -n --mount-proc --kill-child=KILL sh -ec '
    mount -t tmpfs -o mode=755 tmpfs /run
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mkdir -p /run/systemd/system
    cp -r "$1/." /run/systemd/system
    # What it logs for the kernel comes out here.
    mkfifo /run/log
    cat <>/run/log &
    mount --bind /run/log /dev/kmsg
    exec env -i PATH="$PATH" container=test /lib/systemd/systemd --system --unit=test.target \
        --log-target=kmsg --show-status=no' sh "$3"
