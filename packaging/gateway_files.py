"""Where each file of the repository lies on the gateway. A test holds this table and firmware-config/ together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placed:
    """A file of the repository, and its path below the root of the gateway."""

    source: str
    target: str
    mode: int = 0o644
    compress: bool = False


# What the program, the site file and these pages themselves point to: who stands before a gateway has no repository.
GUIDES = "usr/share/doc/edge-controller/docs"

CONTROLLER_FILES = (
    Placed("packaging/debian/edge-controller/edge", "usr/bin/edge", 0o755),
    Placed("packaging/debian/edge-controller/edge-sim", "usr/bin/edge-sim", 0o755),
    Placed("packaging/debian/edge-controller/edge.1", "usr/share/man/man1/edge.1.gz", compress=True),
    Placed("packaging/debian/edge-controller/edge-sim.1", "usr/share/man/man1/edge-sim.1.gz", compress=True),
    Placed("packaging/debian/edge-controller/site.toml", "etc/edge-controller/site.toml"),
    Placed("firmware-config/edge-controller.service", "usr/lib/systemd/system/edge-controller.service"),
    Placed("firmware-config/edge-controller.sysusers", "usr/lib/sysusers.d/edge-controller.conf"),
    Placed("simulators/scenarios/demo-site.toml", "usr/share/doc/edge-controller/examples/demo-site.toml"),
    Placed("CHANGELOG.md", "usr/share/doc/edge-controller/CHANGELOG.md.gz", compress=True),
    Placed("docs/api.md", f"{GUIDES}/api.md.gz", compress=True),
    Placed("docs/bms.md", f"{GUIDES}/bms.md.gz", compress=True),
    Placed("docs/cloud-operator.md", f"{GUIDES}/cloud-operator.md.gz", compress=True),
    Placed("docs/configuration.md", f"{GUIDES}/configuration.md.gz", compress=True),
    Placed("docs/gateway.md", f"{GUIDES}/gateway.md.gz", compress=True),
    Placed("docs/installer.md", f"{GUIDES}/installer.md.gz", compress=True),
    Placed("docs/meters.md", f"{GUIDES}/meters.md.gz", compress=True),
    Placed("docs/meters-catalogue.md", f"{GUIDES}/meters-catalogue.md.gz", compress=True),
    Placed("docs/ocpp.md", f"{GUIDES}/ocpp.md.gz", compress=True),
    Placed("docs/offline.md", f"{GUIDES}/offline.md.gz", compress=True),
    Placed("docs/operator.md", f"{GUIDES}/operator.md.gz", compress=True),
    Placed("docs/profiles.md", f"{GUIDES}/profiles.md.gz", compress=True),
    Placed("docs/security.md", f"{GUIDES}/security.md.gz", compress=True),
    Placed("docs/service.md", f"{GUIDES}/service.md.gz", compress=True),
)

UNITS = "usr/lib/systemd/system"

GATEWAY_FILES = (
    Placed("firmware-config/firewall/edge-firewall.nft", "usr/share/edge-gateway/edge-firewall.nft"),
    Placed("firmware-config/firewall/edge-firewall", "usr/lib/edge-gateway/edge-firewall", 0o755),
    Placed("firmware-config/firewall/emergency-ports.nft", "usr/share/edge-gateway/emergency-ports.nft"),
    Placed("firmware-config/firewall/firewall-ports.nft", "etc/edge-controller/firewall-ports.nft"),
    Placed("firmware-config/firewall/edge-firewall.service", f"{UNITS}/edge-firewall.service"),
    Placed("firmware-config/network/10-edge-charger.link", "usr/lib/systemd/network/10-edge-charger.link"),
    Placed("firmware-config/network/20-edge-charger.network", "usr/lib/systemd/network/20-edge-charger.network"),
    Placed(
        "firmware-config/network/edge-charger-unmanaged.conf",
        "usr/lib/NetworkManager/conf.d/edge-charger-unmanaged.conf",
    ),
    Placed(
        "firmware-config/network/edge-wait-online.conf",
        f"{UNITS}/systemd-networkd-wait-online.service.d/edge-gateway.conf",
    ),
    Placed("firmware-config/network/edge-charger-lan", "usr/lib/edge-gateway/edge-charger-lan", 0o755),
    Placed("firmware-config/network/edge-charger-lan.service", f"{UNITS}/edge-charger-lan.service"),
    Placed("firmware-config/network/edge-dnsmasq.conf", "etc/dnsmasq.d/edge-gateway.conf"),
    Placed("firmware-config/network/edge-dnsmasq.drop-in", f"{UNITS}/dnsmasq.service.d/edge-gateway.conf"),
    Placed("firmware-config/time/edge-chrony.conf", "etc/chrony/conf.d/edge-gateway.conf"),
    Placed("firmware-config/time/edge-chrony-last.conf", "etc/chrony/edge-gateway.conf"),
    Placed("firmware-config/time/edge-chrony.drop-in", f"{UNITS}/chrony.service.d/edge-gateway.conf"),
    Placed("firmware-config/time/edge-clock-trust.service", f"{UNITS}/edge-clock-trust.service"),
    Placed("firmware-config/time/edge-building-time", "usr/lib/edge-gateway/edge-building-time", 0o755),
    Placed("firmware-config/time/edge-building-time.service", f"{UNITS}/edge-building-time.service"),
    Placed("firmware-config/time/edge-building-time.path", f"{UNITS}/edge-building-time.path"),
    Placed("firmware-config/broker/edge-mosquitto.conf", "etc/mosquitto/conf.d/edge-gateway.conf"),
    Placed("firmware-config/broker/edge-mosquitto.drop-in", f"{UNITS}/mosquitto.service.d/edge-gateway.conf"),
    Placed("firmware-config/broker/acl", "usr/share/edge-gateway/broker-acl"),
    Placed("firmware-config/first-boot/edge-first-boot", "usr/lib/edge-gateway/edge-first-boot", 0o755),
    Placed("firmware-config/first-boot/edge-first-boot.service", f"{UNITS}/edge-first-boot.service"),
    Placed("firmware-config/first-boot/edge-boot-files", "usr/lib/edge-gateway/edge-boot-files", 0o755),
    Placed("firmware-config/first-boot/edge-boot-files.service", f"{UNITS}/edge-boot-files.service"),
    Placed("firmware-config/first-boot/edge-accounts-again", "usr/lib/edge-gateway/edge-accounts-again", 0o755),
    Placed(
        "firmware-config/first-boot/edge-accounts-again.conf", f"{UNITS}/cloud-init-local.service.d/edge-gateway.conf"
    ),
    Placed("firmware-config/first-boot/edge-accounts-kept.conf", f"{UNITS}/cloud-final.service.d/edge-gateway.conf"),
    Placed("firmware-config/storage/edge-journald.conf", "usr/lib/systemd/journald.conf.d/50-edge-gateway.conf"),
    Placed("firmware-config/storage/edge-sysctl.conf", "usr/lib/sysctl.d/50-edge-gateway.conf"),
    Placed("firmware-config/storage/edge-watchdog.conf", "usr/lib/systemd/system.conf.d/50-edge-gateway.conf"),
    Placed("firmware-config/storage/edge-tmpfiles.conf", "usr/lib/tmpfiles.d/edge-gateway.conf"),
    Placed("firmware-config/serial/70-edge-rs485.rules", "usr/lib/udev/rules.d/70-edge-rs485.rules"),
    Placed("firmware-config/updates/52edge-gateway", "etc/apt/apt.conf.d/52edge-gateway"),
    Placed("firmware-config/banner/edge-banner", "usr/lib/edge-gateway/edge-banner", 0o755),
    Placed("firmware-config/banner/edge-banner.service", f"{UNITS}/edge-banner.service"),
    Placed("firmware-config/banner/edge-banner.timer", f"{UNITS}/edge-banner.timer"),
    Placed("firmware-config/console/edge-console", "usr/lib/edge-gateway/edge-console", 0o755),
    Placed("firmware-config/console/edge-console.conf", f"{UNITS}/getty@tty1.service.d/edge-gateway.conf"),
)

# What the stock image's boot partition gets instead of the package: see card.py and docs/gateway.md.
BOOT_FILES = (
    Placed("firmware-config/boot/edge-config.txt", "edge-config.txt"),
    Placed("firmware-config/boot/edge-cmdline.txt", "edge-cmdline.txt"),
    Placed("firmware-config/cloud-init/user-data", "user-data"),
    Placed("firmware-config/cloud-init/vendor-data", "vendor-data"),
    Placed("firmware-config/cloud-init/meta-data", "meta-data"),
    Placed("firmware-config/cloud-init/network-config", "network-config"),
    Placed("firmware-config/cloud-init/install", "edge/install"),
)

# What an image with two slots has besides both packages: see image.py.
SLOT_FILES = (
    Placed("firmware-config/slots/edge-slot", "usr/lib/edge-gateway/edge-slot", 0o755),
    Placed("firmware-config/slots/edge-slot-gate", "usr/lib/edge-gateway/edge-slot-gate", 0o755),
    Placed("firmware-config/slots/edge-slot-gate.service", "etc/systemd/system/edge-slot-gate.service"),
    Placed("firmware-config/slots/edge-update", "usr/sbin/edge-update", 0o755),
    Placed("firmware-config/slots/edge-overlays", "usr/lib/edge-gateway/edge-overlays", 0o755),
    Placed("firmware-config/slots/edge-grow", "usr/lib/edge-gateway/edge-grow", 0o755),
    Placed("firmware-config/slots/edge-grow.service", "etc/systemd/system/edge-grow.service"),
    Placed("firmware-config/slots/edge-emergency.conf", "etc/systemd/system/emergency.service.d/edge-slots.conf"),
    Placed("firmware-config/slots/ssh-keys.conf", "etc/systemd/system/ssh.service.d/edge-slots.conf"),
    Placed("firmware-config/slots/initramfs-script", "etc/initramfs-tools/scripts/init-bottom/edge-data", 0o755),
    Placed("firmware-config/slots/initramfs-hook", "etc/initramfs-tools/hooks/edge-data", 0o755),
    Placed("firmware-config/slots/25-edge-building.network", "usr/lib/systemd/network/25-edge-building.network"),
    Placed("firmware-config/slots/cloud.cfg", "etc/cloud/cloud.cfg.d/99-edge-slots.cfg"),
    Placed("firmware-config/slots/apt.conf", "etc/apt/apt.conf.d/60edge-slots"),
    Placed("firmware-config/slots/fstab", "etc/fstab"),
    Placed("firmware-config/slots/rauc.conf", "etc/rauc/system.conf"),
    Placed("firmware-config/slots/cmdline.txt", "usr/share/edge-gateway/cmdline.txt"),
)

# The image's boot partition, besides each slot's folder and the firmware itself.
SLOT_BOOT_FILES = (
    Placed("firmware-config/slots/config.txt", "config.txt"),
    Placed("firmware-config/slots/tryboot.txt", "tryboot.txt"),
    Placed("firmware-config/slots/common.txt", "edge-common.txt"),
    Placed("firmware-config/slots/user-data", "user-data"),
    Placed("firmware-config/cloud-init/meta-data", "meta-data"),
    Placed("firmware-config/slots/network-config", "network-config"),
)

# What RAUC runs out of the bundle: see bundle.py.
BUNDLE_FILES = (Placed("firmware-config/slots/bundle-hook", "hook", 0o755),)
