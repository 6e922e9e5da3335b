import { afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { discoverPorts } from "../../src/mesh/transport/discover.ts";

const root = mkdtempSync(join(tmpdir(), "sysfs-"));
afterEach(() => rmSync(root, { recursive: true, force: true }));

function usb(bus: string, ids: [string, string], product: string): string {
  const folder = join(root, "sys/devices", bus);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "idVendor"), `${ids[0]}\n`);
  writeFileSync(join(folder, "idProduct"), `${ids[1]}\n`);
  writeFileSync(join(folder, "product"), `${product}\n`);
  return folder;
}

function tty(name: string, device: string | null, type?: string): void {
  const folder = join(root, "sys/class/tty", name);
  mkdirSync(folder, { recursive: true });
  if (type !== undefined) writeFileSync(join(folder, "type"), type);
  if (device === null) return;
  mkdirSync(device, { recursive: true });
  symlinkSync(device, join(folder, "device"));
}

test("lists hardware ports, those of Meshtastic devices first, by the name that survives replugging", () => {
  tty("tty1", null);
  tty("ttyS0", join(root, "sys/devices/platform/serial8250"), "4");
  tty("ttyS7", join(root, "sys/devices/platform/serial8250"), "0");
  tty("ttyUSB0", join(usb("1-1", ["10c4", "ea60"], "CP2102 USB to UART"), "1-1:1.0/ttyUSB0"));
  tty("ttyACM0", join(usb("1-2", ["303a", "1001"], "USB JTAG/serial debug unit"), "1-2:1.0"));
  tty("ttyACM1", join(usb("1-3", ["239a", "4405"], "HT-n5262"), "1-3:1.0"));
  tty("ttyACM2", join(usb("1-4", ["239a", "8029"], "WisCore RAK4631 Board"), "1-4:1.0"));
  mkdirSync(join(root, "dev/serial/by-id"), { recursive: true });
  symlinkSync("../../ttyACM1", join(root, "dev/serial/by-id/usb-Heltec_HT-n5262_0001-if00"));
  expect(discoverPorts(root)).toEqual([
    {
      device: "/dev/serial/by-id/usb-Heltec_HT-n5262_0001-if00",
      vendorId: "239a",
      productId: "4405",
      product: "HT-n5262",
      isMeshtastic: true,
    },
    { device: "/dev/ttyACM0", vendorId: "303a", productId: "1001", product: "USB JTAG/serial debug unit", isMeshtastic: false },
    { device: "/dev/ttyACM2", vendorId: "239a", productId: "8029", product: "WisCore RAK4631 Board", isMeshtastic: false },
    { device: "/dev/ttyS0", isMeshtastic: false },
    { device: "/dev/ttyUSB0", vendorId: "10c4", productId: "ea60", product: "CP2102 USB to UART", isMeshtastic: false },
  ]);
});

test("a machine without sysfs has no ports", () => {
  expect(discoverPorts(join(root, "nowhere"))).toEqual([]);
});

test("this machine's ports can be listed", () => {
  expect(Array.isArray(discoverPorts())).toBe(true);
});
