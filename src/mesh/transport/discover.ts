/** Lists the serial ports of this machine, and which of them a gateway may open by itself. Linux: sysfs and udev's links. */
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export interface SerialPortInfo {
  /** The value for `device`: the name that stays the same after replugging, if there is one. */
  readonly device: string;
  /** Four lower-case hexadecimal digits each; absent for ports that are not USB. */
  readonly vendorId?: string;
  readonly productId?: string;
  /** The device's own name. Hostile: escape before printing. */
  readonly product?: string;
  /** Only Meshtastic devices have its USB id, so opening it disturbs no other device. */
  readonly isMeshtastic: boolean;
}

/**
 * USB ids of boards that are sold only as mesh radios. Not listed: USB bridges (CP210x, CH34x, FTDI) and Espressif's own
 * 303a:1001, which many other devices use; and 239a:0029/8029, which the RAK4631 shares with Adafruit's Feather.
 */
const MESHTASTIC_IDS: Readonly<Record<string, string>> = {
  "239a:4405": "LilyGO T-Echo, Heltec T114, Canary One, ThinkNode M1",
  "2886:0057": "Seeed SenseCAP T1000-E",
  "2886:0059": "Seeed SenseCAP Solar Node",
  "2886:1667": "Seeed Wio Tracker L1",
  "2886:1668": "Seeed Wio Tracker L1",
};

/** Between a port's folder in sysfs and its USB device lie an interface and, for USB bridges, a port. */
const MAX_LEVELS = 4;

/** Never throws: without sysfs the list is empty. `root` is for tests. */
export function discoverPorts(root = "/"): SerialPortInfo[] {
  const stableNames = readStableNames(join(root, "dev/serial/by-id"));
  return list(join(root, "sys/class/tty"))
    .filter((name) => isHardware(join(root, "sys/class/tty", name)))
    .map((name) => describe(name, join(root, "sys/class/tty", name, "device"), stableNames))
    .sort((a, b) => Number(b.isMeshtastic) - Number(a.isMeshtastic) || a.device.localeCompare(b.device, "en", { numeric: true }));
}

function describe(name: string, folder: string, stableNames: ReadonlyMap<string, string>): SerialPortInfo {
  const device = stableNames.get(name) ?? `/dev/${name}`;
  const usb = findUsbDevice(folder);
  const vendorId = usb === null ? null : read(join(usb, "idVendor"));
  const productId = usb === null ? null : read(join(usb, "idProduct"));
  if (usb === null || vendorId === null || productId === null) return { device, isMeshtastic: false };
  const product = read(join(usb, "product"));
  const isMeshtastic = `${vendorId}:${productId}`.toLowerCase() in MESHTASTIC_IDS;
  return { device, vendorId, productId, ...(product === null ? {} : { product }), isMeshtastic };
}

/** Consoles and pseudo-terminals have no device; unused ports of the 8250 driver have type 0. */
function isHardware(folder: string): boolean {
  return existsSync(join(folder, "device")) && read(join(folder, "type")) !== "0";
}

function findUsbDevice(folder: string): string | null {
  try {
    for (let level = 0, at = realpathSync(folder); level < MAX_LEVELS; level++, at = dirname(at)) {
      if (existsSync(join(at, "idVendor"))) return at;
    }
    return null;
  } catch {
    // Unplugged meanwhile.
    return null;
  }
}

function readStableNames(folder: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const link of list(folder)) {
    try {
      names.set(basename(readlinkSync(join(folder, link))), `/dev/serial/by-id/${link}`);
    } catch {
      // Unplugged meanwhile, or no link: the plain name is used.
    }
  }
  return names;
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    // Not every port has every attribute.
    return null;
  }
}
