/** The texts of the service's files. */

/** A file with this line was written by `service install`, and may be replaced and removed by it. */
export const MARK = "# Written by: zephyrgate service install";

export interface UnitOptions {
  /** Absolute path of the program. */
  readonly program: string;
  /** Absolute path of the configuration file. */
  readonly config: string;
  /** Absolute; where it is not the state folder of systemd, the service gets write access to it. */
  readonly dataDir: string;
}

export const UNIT_PATH = "/etc/systemd/system/zephyrgate.service";
export const USER_PATH = "/etc/sysusers.d/zephyrgate.conf";
export const DEFAULT_CONFIG = "/etc/zephyrgate/config.yaml";
export const STATE_FOLDER = "/var/lib/zephyrgate";

export const UDEV_PATH = "/etc/udev/rules.d/70-zephyrgate.rules";

/**
 * USB serial ports of radios: boards of their own, and the bridges CP210x, CH34x and FTDI. ModemManager sends commands to every new
 * port to see whether it is a modem.
 */
export const UDEV_TEXT = `${MARK}
ACTION=="remove", GOTO="zephyrgate_end"
SUBSYSTEM!="tty", GOTO="zephyrgate_end"
ENV{ID_BUS}!="usb", GOTO="zephyrgate_end"
ENV{ID_VENDOR_ID}!="239a|2886|303a|10c4|1a86|0403", GOTO="zephyrgate_end"
# A name by the radio's serial number, and one by the USB port, for radios that share a number.
ENV{ID_SERIAL_SHORT}=="?*", SYMLINK+="radio/by-serial/$env{ID_SERIAL_SHORT}"
ENV{ID_PATH_TAG}=="?*", SYMLINK+="radio/by-port/$env{ID_PATH_TAG}"
# ModemManager would send commands to the radio.
ENV{ID_MM_DEVICE_IGNORE}="1", ENV{ID_MM_PORT_IGNORE}="1"
LABEL="zephyrgate_end"
`;

/** The system user; `dialout` owns the serial ports. */
export const USER_TEXT = `${MARK}
u zephyrgate - "ZephyrGate gateway" ${STATE_FOLDER}
m zephyrgate dialout
`;

/**
 * The systemd unit. Not hardened where the gateway needs it: its engine compiles code at run time, so memory is not held to
 * either write or execute, and where the kernel has no Landlock the jail of the plugins is built with a namespace and mounts.
 */
export function unitText({ program, config, dataDir }: UnitOptions): string {
  const isElsewhere = dataDir !== STATE_FOLDER && !dataDir.startsWith(`${STATE_FOLDER}/`);
  return `${MARK}
# Your own changes belong in a drop-in: systemctl edit zephyrgate
[Unit]
Description=ZephyrGate mesh gateway
After=network.target time-set.target
Wants=time-set.target

[Service]
Type=notify
ExecStart=${program} gateway --config ${config}
ExecReload=/bin/kill -HUP $MAINPID
# A backup before an upgrade may take long on a slow card.
TimeoutStartSec=15min
# A sign of life is due in this time: from the main loop, when every plugin host answers and every link is looked after.
WatchdogSec=2min
LimitCORE=0
User=zephyrgate
SupplementaryGroups=dialout
StateDirectory=zephyrgate
StateDirectoryMode=0700
WorkingDirectory=${STATE_FOLDER}
${isElsewhere ? `ReadWritePaths=${dataDir}\n` : ""}Restart=always
RestartSec=5
# 78: the configuration is wrong. A restart would not help.
RestartPreventExitStatus=78
KillMode=mixed
TimeoutStopSec=15
UMask=0077

NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
KeyringMode=private
# Serial ports only: USB adapters, USB modems, ports of the board.
DevicePolicy=closed
DeviceAllow=char-188 rw
DeviceAllow=char-166 rw
DeviceAllow=char-204 rw
DeviceAllow=char-4 rw
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
# The jail of the plugins needs Landlock, or these namespaces and mounts where the kernel has none.
RestrictNamespaces=user mnt net ipc uts
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service @mount seccomp
SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self

[Install]
WantedBy=multi-user.target
`;
}
