/** Whether an address is public, private or unusable, decided by its bits and not by its spelling. */
export type Reach =
  /** The internet. */
  | "public"
  /** Loopback, private, link-local, carrier-grade NAT, documentation, and unclear ones: needs `private: true`. */
  | "private"
  /** Multicast, broadcast, unspecified, reserved: no connection makes sense. */
  | "never";

type Block = readonly [network: number, bits: number, reach: Reach];
const v4 = (text: string, bits: number, reach: Reach): Block => [
  text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0),
  bits,
  reach,
];

/** IANA's registry of special IPv4 addresses; everything else is public. */
const IPV4_BLOCKS: readonly Block[] = [
  v4("0.0.0.0", 8, "never"),
  v4("10.0.0.0", 8, "private"),
  v4("100.64.0.0", 10, "private"),
  v4("127.0.0.0", 8, "private"),
  v4("169.254.0.0", 16, "private"),
  v4("172.16.0.0", 12, "private"),
  v4("192.0.0.0", 24, "private"),
  v4("192.0.2.0", 24, "private"),
  v4("192.88.99.0", 24, "never"),
  v4("192.168.0.0", 16, "private"),
  v4("198.18.0.0", 15, "private"),
  v4("198.51.100.0", 24, "private"),
  v4("203.0.113.0", 24, "private"),
  v4("224.0.0.0", 4, "never"),
  v4("240.0.0.0", 4, "never"),
];

/** Text that is not an address is `never`. Accepts IPv6 with or without brackets; a zone makes it link-local. */
export function reachOf(address: string): Reach {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) {
    const parts = address.split(".").map(Number);
    return parts.some((part) => part > 255) ? "never" : reachOfV4(parts.reduce((sum, part) => sum * 256 + part, 0));
  }
  const groups = groupsOf(address);
  return groups === null ? "never" : reachOfV6(groups);
}

function reachOfV4(value: number): Reach {
  for (const [network, bits, reach] of IPV4_BLOCKS) {
    const size = 2 ** (32 - bits);
    if (value >= network && value < network + size) return reach;
  }
  return "public";
}

/** An allow-list: of IPv6 only global unicast and the two routable forms that contain an IPv4 address. */
function reachOfV6(groups: readonly number[]): Reach {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  const last = g * 65536 + h;
  const zeros = a === 0 && b === 0 && c === 0 && d === 0 && e === 0;
  if (zeros && f === 0xffff) return reachOfV4(last);
  if (zeros && f === 0 && last === 1) return "private";
  // The old IPv4-compatible form, and `::` itself.
  if (zeros && f === 0) return "never";
  if (a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0) return reachOfV4(last);
  // A network's own NAT64 prefix: only that network knows what the address inside reaches.
  if (a === 0x64 && b === 0xff9b) return "private";
  if (a >= 0xff00) return "never";
  // Unique local, link-local, and the old site-local.
  if ((a & 0xfe00) === 0xfc00 || (a & 0xff80) === 0xfe80) return "private";
  if ((a & 0xe000) !== 0x2000) return "never";
  // 6to4 and Teredo carry an IPv4 address through an unknown relay.
  if (a === 0x2002 || (a === 0x2001 && b === 0)) return "never";
  // The rest of IETF protocol assignments, and documentation.
  if (a === 0x2001 && (b < 0x200 || b === 0xdb8)) return "private";
  if (a === 0x3fff && b < 0x1000) return "private";
  return "public";
}

function groupsOf(address: string): number[] | null {
  const bare = address.replace(/^\[/, "").replace(/\]$/, "");
  const zone = bare.indexOf("%");
  const parsed = URL.parse(`http://[${zone < 0 ? bare : bare.slice(0, zone)}]/`);
  if (parsed === null || !bare.includes(":")) return null;
  // The parser writes dotted tails as hexadecimal and leaves at most one `::`.
  const [head = "", tail] = parsed.hostname.slice(1, -1).split("::");
  const numbers = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [before, after] = [numbers(head), numbers(tail ?? "")];
  const gap = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array.from({ length: gap }, () => 0), ...after];
}
