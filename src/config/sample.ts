/** A commented configuration file for a new gateway. */
import { escapeText } from "../log/escape.ts";

export interface SamplePort {
  readonly device: string;
  /** The device's own words about itself. Hostile. */
  readonly product?: string;
  readonly isMeshtastic: boolean;
}

/** The text of the file. `operators` are node ids such as `!0a0b0c0d`. */
export function sampleConfig(ports: readonly SamplePort[], operators: readonly string[], dataDir = "./data"): string {
  return `# Configuration of a ZephyrGate gateway. Lines that begin with "#" have no effect.
# Check it with: zephyrgate config check
# Every key is in docs/configuration.md; relative paths are relative to this file.

# Databases, keys, backups and installed plugins.
data_dir: ${dataDir}

mesh:
${interfaces(ports)}
  # Apps connect to the gateway as to the radio:
  # share: { host: 127.0.0.1, port: 4403 }

# Nodes that may use admin commands and that get alerts.
${operators.length > 0 ? `operators: ${JSON.stringify(operators)}` : '# operators: ["!0a0b0c0d"]'}

plugins:
  # Folders of further plugin folders:
  # paths: [./plugins]
  # Third-party plugins that you accept, with the permissions that they ask for:
  # enabled_plugins: [my_plugin]
  disabled_plugins: []

api:
  host: 127.0.0.1
  port: 8080

# The daily backup, local time.
backup: { at: "03:30", keep: 7 }

log: { level: info, format: text }
`;
}

function interfaces(ports: readonly SamplePort[]): string {
  const radio = ports.find((port) => port.isMeshtastic);
  const rows = ports.map((port) => {
    const row = `- { name: base, type: serial, device: ${JSON.stringify(port.device)} }`;
    const words = port.product === undefined ? "" : `   # ${escapeText(port.product)}`;
    return `    ${port === radio ? "" : "# "}${row}${words}`;
  });
  const others = ["    # - { name: roof, type: tcp, host: 192.0.2.7 }", "    # - { name: sim, type: simulated, nodes: 3 }"];
  if (radio !== undefined) return ["  interfaces:", ...rows, ...others].join("\n");
  const example = rows.length > 0 ? rows : ["    # - { name: base, type: serial, device: /dev/ttyUSB0 }"];
  const why =
    rows.length > 0
      ? "  # None of the serial ports below is surely a radio. Remove the # of `interfaces:` and of the right line."
      : "  # No serial port was found here. Remove the # of `interfaces:` and of one line, and fill it in.";
  return [why, "  # Without an interface the mesh is simulated.", "  # interfaces:", ...example, ...others, "  text_spacing_s: 2.5"].join(
    "\n",
  );
}
