# Runs as root in every base image, after its packages are installed: a node starts the services that
# its image enables, and nothing of what a machine would start.
set -eu
rm -f /usr/lib/systemd/system/multi-user.target.wants/* /etc/systemd/system/*.wants/* \
	/usr/lib/systemd/system/local-fs.target.wants/* /usr/lib/systemd/system/basic.target.wants/* \
	/usr/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service \
	/usr/lib/systemd/system/sockets.target.wants/*udev* \
	/usr/lib/systemd/system/timers.target.wants/*
# What it registers is the kernel's, and so the host's.
ln -sf /dev/null /etc/systemd/system/systemd-binfmt.service
ln -sf /usr/lib/systemd/systemd /usr/sbin/init
ln -sf /usr/lib/systemd/system/multi-user.target /etc/systemd/system/default.target
mkdir -p /opt/cni
ln -sfn /usr/lib/cni /opt/cni/bin
: >/etc/machine-id
rm -rf /var/log/* /var/cache/debconf/* /var/lib/apt/lists/*
