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
Type=exec
ExecStart=${program} gateway --config ${config}
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
