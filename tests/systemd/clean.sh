# Removes the cgroups that boot.sh has made. $1 and $2 as there.
mount --make-rprivate /
mount -t cgroup2 cgroup2 "$1"
find "$1/$2" -depth -type d -exec rmdir {} +
