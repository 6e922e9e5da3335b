/**
 * Exact set logic. A set is kept as its *atoms*: products of single values (one host pattern, one port, one method...),
 * of which only the largest are kept, sorted. Each axis is ordered like a forest (two values are nested or disjoint),
 * so an atom has a point that lies in no smaller one, and three things follow: equal sets have equal atoms; a set lies
 * in another exactly when each of its atoms lies in one atom of the other; and the meet of two atoms is an atom.
 * An index and a name of a channel count as different channels, since only the radio knows which belong together; an
 * index covers `LINK/INDEX` of every link.
 */
import { type ChannelPlace, namesChannel, parseLinkIndex } from "../../channels.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { compareRates, parseRate } from "../../rates.ts";
import { type Descriptor, HTTP_METHODS, parseEntry, printText, type Scopes } from "./descriptor.ts";
import { hostCovers, parseHostPattern, printHostPattern } from "./hosts.ts";
import { type Ask, PERMISSION_NAMES, type PermissionName } from "./types.ts";

type Coordinate = string | number | boolean;
export interface Atom {
  readonly permission: PermissionName;
  readonly at: readonly Coordinate[];
}
export type PermissionSet = readonly Atom[];

/** More than any honest plugin needs; bounds the quadratic work at grant time. */
export const ATOMS_MAX = 1024;

const UNLIMITED = "unlimited";
const NAMED = "channel|=";
const INDEXED = "channel|#";
type Covers = (outer: Coordinate, inner: Coordinate) => boolean;
/** `kind|*` covers each value of its kind: `kind|=name`, `kind|#3`. */
const item: Covers = (outer, inner) => {
  if (outer === inner) return true;
  const bar = String(outer).indexOf("|");
  return String(outer).slice(bar) === "|*" && String(inner).startsWith(String(outer).slice(0, bar + 1));
};
/** As {@link item}; an index is that channel of every link, so `#3` covers `=roof/3`. */
const channel: Covers = (outer, inner) => {
  if (item(outer, inner)) return true;
  const one = String(inner).startsWith(NAMED) ? parseLinkIndex(String(inner).slice(NAMED.length)) : null;
  return one !== null && outer === `${INDEXED}${one.index}`;
};
const host: Covers = (outer, inner) => hostCovers(String(outer), String(inner));
const port: Covers = (outer, inner) => outer === 0 || outer === inner;
const flag: Covers = (outer, inner) => outer === true || inner === false;
const most: Covers = (outer, inner) => Number(outer) >= Number(inner);
const least: Covers = (outer, inner) => Number(outer) <= Number(inner);
const rate: Covers = (outer, inner) => {
  if (outer === inner || outer === UNLIMITED) return true;
  const [a, b] = [parseRate(String(outer)), parseRate(String(inner))];
  return a.ok && b.ok && compareRates(a.value, b.value) >= 0;
};

const AXES: Readonly<Record<PermissionName, readonly Covers[]>> = {
  send_messages: [channel, rate],
  receive_messages: [channel],
  database_access: [most],
  http_requests: [host, port, item, flag],
  schedule_tasks: [least],
  system_state_read: [],
  inter_plugin_messaging: [item],
  secrets: [item],
  override_commands: [item],
  mesh_requests: [rate],
  region: [item],
};

const items = (kind: string, values: readonly (string | number)[] | undefined) =>
  values === undefined ? [`${kind}|*`] : values.map((value) => (typeof value === "number" ? `${kind}|#${value}` : `${kind}|=${value}`));

/** In a denial a missing key means everything without exception: every method, private addresses too, at any rate. */
function axesOf(descriptor: Descriptor, denial: boolean): readonly (readonly Coordinate[])[] {
  switch (descriptor.name) {
    case "send_messages": {
      const { channels, direct, broadcast, rate } = descriptor.scope;
      const places = [...(direct === false ? [] : ["direct"]), ...(broadcast === false ? [] : items("channel", channels))];
      return [places, [denial ? UNLIMITED : (rate ?? UNLIMITED)]];
    }
    case "receive_messages":
      return [[...(descriptor.scope.direct === false ? [] : ["direct"]), ...items("channel", descriptor.scope.channels)]];
    case "database_access":
      return [[denial ? Number.POSITIVE_INFINITY : (descriptor.scope.quota_mb ?? Number.POSITIVE_INFINITY)]];
    case "mesh_requests":
      return [[denial ? UNLIMITED : (descriptor.scope.rate ?? UNLIMITED)]];
    case "schedule_tasks":
      return [[denial ? 0 : (descriptor.scope.min_interval_s ?? 0)]];
    case "inter_plugin_messaging":
      return [[...items("plugin", descriptor.scope.plugins), ...items("event", descriptor.scope.events)]];
    case "region":
      return [items("topic", descriptor.scope.topics)];
    case "secrets":
    case "override_commands":
      return [items("name", descriptor.scope.names)];
    case "http_requests": {
      const methods = descriptor.scope.methods ?? (denial ? HTTP_METHODS : ["GET", "HEAD", "POST"]);
      return [[], [], items("method", methods), [descriptor.scope.private ?? denial]];
    }
    default:
      return [];
  }
}

/** Host and port belong together: `a` is a:80 and a:443. */
function places(scope: Scopes["http_requests"]): readonly (readonly [string, number])[] {
  if (scope.hosts === undefined) return [["*", 0]];
  return scope.hosts.flatMap((text): (readonly [string, number])[] => {
    const pattern = parseHostPattern(text);
    if (!pattern.ok) return [];
    const { name, port } = pattern.value;
    return port === null ? [[name, 80] as const, [name, 443] as const] : [[name, port] as const];
  });
}

function atomsOf(descriptor: Descriptor, denial: boolean): Atom[] {
  let rows: Coordinate[][] = [[]];
  const axes = axesOf(descriptor, denial);
  if (descriptor.name === "http_requests") {
    rows = places(descriptor.scope).map((place) => [...place]);
    for (const axis of axes.slice(2)) rows = rows.flatMap((row) => axis.map((value) => [...row, value]));
  } else {
    for (const axis of axes) rows = rows.flatMap((row) => axis.map((value) => [...row, value]));
  }
  return rows.map((at) => ({ permission: descriptor.name, at }));
}

export function atomCovers(outer: Atom, inner: Atom): boolean {
  if (outer.permission !== inner.permission) return false;
  return AXES[outer.permission].every((covers, axis) => {
    const [a, b] = [outer.at[axis], inner.at[axis]];
    return a !== undefined && b !== undefined && covers(a, b);
  });
}

function meet(a: Atom, b: Atom): Atom | null {
  if (a.permission !== b.permission) return null;
  const at: Coordinate[] = [];
  for (const [axis, covers] of AXES[a.permission].entries()) {
    const [x, y] = [a.at[axis], b.at[axis]];
    if (x === undefined || y === undefined) return null;
    if (covers(x, y)) at.push(y);
    else if (covers(y, x)) at.push(x);
    else return null;
  }
  return { permission: a.permission, at };
}

const key = (atom: Atom) => `${PERMISSION_NAMES.indexOf(atom.permission)} ${atom.at.map((value) => JSON.stringify(String(value))).join()}`;

/** Drops what another atom covers, sorts: the one form of this set. */
function canonical(atoms: readonly Atom[]): PermissionSet {
  const unique = [...new Map(atoms.map((atom) => [key(atom), atom])).entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, atom]) => atom);
  return unique.filter((atom) => !unique.some((other) => other !== atom && atomCovers(other, atom)));
}

export const EMPTY_SET: PermissionSet = [];

/** The set that these entries name together. Fails when it is absurdly large. */
export function permissionSet(descriptors: readonly Descriptor[]): Result<PermissionSet> {
  return build(descriptors, false);
}

/** What these entries deny: see {@link axesOf}. Ordered keys (rate, quota_mb, min_interval_s) cannot be denied in part. */
export function denialSet(descriptors: readonly Descriptor[]): Result<PermissionSet> {
  return build(descriptors, true);
}

function build(descriptors: readonly Descriptor[], denial: boolean): Result<PermissionSet> {
  const atoms: Atom[] = [];
  for (const descriptor of descriptors) {
    atoms.push(...atomsOf(descriptor, denial));
    if (atoms.length > ATOMS_MAX) {
      const message = `the permissions name more than ${ATOMS_MAX} combinations of hosts, methods, channels or names`;
      return fail("invalid_argument", message, { hint: "use a wildcard, or leave the key out" });
    }
  }
  return ok(canonical(atoms));
}

export const union = (a: PermissionSet, b: PermissionSet): PermissionSet => canonical([...a, ...b]);

export function intersection(a: PermissionSet, b: PermissionSet): PermissionSet {
  return canonical(a.flatMap((x) => b.flatMap((y) => meet(x, y) ?? [])));
}

/** Whether all of `inner` lies in `outer`. */
export function isSubset(inner: PermissionSet, outer: PermissionSet): boolean {
  return inner.every((atom) => outer.some((other) => atomCovers(other, atom)));
}

/** The part of `a` that `b` lacks, in what entries can say: the atoms of `a` not wholly in `b`. Empty exactly when `a` lies in `b`. */
export function difference(a: PermissionSet, b: PermissionSet): PermissionSet {
  return a.filter((atom) => !b.some((other) => atomCovers(other, atom)));
}

export const ofPermission = (set: PermissionSet, permission: PermissionName): PermissionSet =>
  set.filter((atom) => atom.permission === permission);

/** sha256 in hex of the canonical set, and of the limits that are approved with it. */
export function permissionSetHash(set: PermissionSet, limits: Readonly<Record<string, number>> = {}): string {
  const named = Object.entries(limits).sort(([a], [b]) => (a < b ? -1 : 1));
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([canonical(set).map(key), named])).digest("hex");
}

/** Whether the call lies in the atom. Rate and quota do not decide here: the broker counts them. */
export function atomAllows(atom: Atom, ask: Ask): boolean {
  if (atom.permission !== ask.permission) return false;
  const [first = "", second = 0, third = "", fourth = false] = atom.at;
  const onChannel = (place: ChannelPlace) => first === "channel|*" || channelWords(String(first), place);
  switch (ask.permission) {
    case "send_messages":
      return ask.kind === "direct" ? first === "direct" : onChannel(ask.channel);
    case "receive_messages":
      return "any" in ask || (ask.isDirect ? first === "direct" : onChannel(ask.channel));
    case "http_requests":
      // The cheap comparisons first: a long list of hosts is walked on every request.
      return port(second, ask.port) && flag(fourth, ask.isPrivate) && third === `method|=${ask.method}` && host(first, ask.host);
    case "schedule_tasks":
      return ask.intervalS === null || least(first, ask.intervalS);
    case "inter_plugin_messaging":
      return "any" in ask || item(first, "plugin" in ask ? `plugin|=${ask.plugin}` : `event|=${ask.event}`);
    case "region":
      return "any" in ask || item(first, `topic|=${ask.topic}`);
    case "secrets":
      return item(first, `name|=${ask.secret}`);
    case "override_commands":
      return item(first, `name|=${ask.command}`);
    default:
      return true;
  }
}

function channelWords(coordinate: string, place: ChannelPlace): boolean {
  if (coordinate.startsWith(INDEXED)) return namesChannel(Number(coordinate.slice(INDEXED.length)), place);
  return coordinate.startsWith(NAMED) && namesChannel(coordinate.slice(NAMED.length), place);
}

/**
 * The part of `atom` that a denial takes away. A channel's name and its index may mean the same channel, which only the
 * call shows: such a denial is kept whole, so that it holds under either name.
 */
export function denied(atom: Atom, denial: PermissionSet): PermissionSet {
  return denial.flatMap((each) => {
    const both = meet(atom, each);
    if (both !== null) return [both];
    const [place = "", other = ""] = [atom.at[0], each.at[0]].map(String);
    const areChannels = atom.permission === each.permission && place.startsWith("channel|") && other.startsWith("channel|");
    return areChannels && mayBeOne(place, other) ? [{ permission: atom.permission, at: [other, ...atom.at.slice(1)] }] : [];
  });
}

/** A name may belong to any index; two indexes, or an index and another link's, are different channels. */
function mayBeOne(a: string, b: string): boolean {
  const isName = (text: string) => text.startsWith(NAMED) && parseLinkIndex(text.slice(NAMED.length)) === null;
  return isName(a) !== isName(b);
}

/** The set as entries again: values that share all the rest are in one list. */
export function toDescriptors(set: PermissionSet): Descriptor[] {
  return PERMISSION_NAMES.flatMap((permission) => {
    const rows = ofPermission(canonical(set), permission).map((atom) =>
      permission === "http_requests" ? [`${atom.at[0]} ${atom.at[1]}`, ...atom.at.slice(2)] : [...atom.at],
    );
    return group(rows, rows[0]?.length ?? 0).flatMap((box) => inParts(box).map((part) => describe(permission, part)));
  });
}

type Box = readonly (readonly Coordinate[])[];

function group(rows: readonly (readonly Coordinate[])[], axes: number): Box[] {
  if (rows.length === 0) return [];
  if (axes === 0) return [[]];
  const rest = new Map<Coordinate, (readonly Coordinate[])[]>();
  for (const [first = "", ...others] of rows) rest.set(first, [...(rest.get(first) ?? []), others]);
  const alike = new Map<string, { values: Coordinate[]; boxes: Box[] }>();
  for (const [value, others] of rest) {
    const boxes = group(others, axes - 1);
    const found = alike.get(JSON.stringify(boxes)) ?? { values: [], boxes };
    found.values.push(value);
    alike.set(JSON.stringify(boxes), found);
  }
  return [...alike.values()].flatMap(({ values, boxes }) => boxes.map((box) => [values, ...box]));
}

/** A list longer than an entry may hold becomes several entries. */
function inParts([first, ...others]: Box): Box[] {
  if (first === undefined || first.length <= LIST_MAX) return [first === undefined ? [] : [first, ...others]];
  const sorted = first.map(String).sort();
  const count = Math.ceil(sorted.length / LIST_MAX);
  return Array.from({ length: count }, (_, part) => [sorted.slice(part * LIST_MAX, (part + 1) * LIST_MAX), ...others]);
}
const LIST_MAX = 60;

function describe(permission: PermissionName, box: Box): Descriptor {
  const [first = [], second = [], third = []] = box;
  /** Undefined for all of the kind, else the list of its values. */
  const list = (kind: string) => {
    if (first.includes(`${kind}|*`)) return undefined;
    const own = first.map(String).filter((value) => value.startsWith(`${kind}|`));
    return own.map((value) => (value[kind.length + 1] === "#" ? Number(value.slice(kind.length + 2)) : value.slice(kind.length + 2)));
  };
  const scope: Record<string, unknown> = {};
  const put = (name: string, value: unknown, skip: unknown = undefined) => {
    if (value !== undefined && value !== skip) scope[name] = value;
  };
  if (permission === "send_messages" || permission === "receive_messages") {
    put("channels", list("channel"));
    put("direct", first.includes("direct"), true);
  }
  if (permission === "send_messages") put("rate", second[0], UNLIMITED);
  if (permission === "mesh_requests") put("rate", first[0], UNLIMITED);
  if (permission === "database_access") put("quota_mb", first[0], Number.POSITIVE_INFINITY);
  if (permission === "schedule_tasks") put("min_interval_s", first[0], 0);
  if (permission === "inter_plugin_messaging") {
    put("plugins", list("plugin"));
    put("events", list("event"));
  }
  if (permission === "region") put("topics", list("topic"));
  if (permission === "secrets" || permission === "override_commands") put("names", list("name"));
  if (permission === "http_requests") {
    put("hosts", hostTexts(first.map(String)));
    put(
      "methods",
      second.map((value) => String(value).slice("method|=".length)),
    );
    put("private", third[0], false);
  }
  const parsed = parseEntry({ [permission]: scope });
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

function hostTexts(pairs: readonly string[]): string[] | undefined {
  if (pairs.includes("* 0")) return undefined;
  const both = (name: string) => pairs.includes(`${name} 80`) && pairs.includes(`${name} 443`);
  const texts = pairs.map((pair) => {
    const [name = "", digits = ""] = pair.split(" ");
    const port = Number(digits);
    return printHostPattern({ name, port: (port === 80 || port === 443) && both(name) ? null : port });
  });
  return [...new Set(texts)];
}

/** One line per entry, for terminals, hints and logs. */
export const printSet = (set: PermissionSet): string => toDescriptors(set).map(printText).join("; ");
