/** Traffic of a mesh as a file: one line of JSON for each packet, after a line that names the node which heard it. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Mesh } from "@meshtastic/protobufs";
import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";
import type { MeshPacket } from "../codec/protobuf.ts";
import { formatNodeId, type NodeNumber, parseNodeId } from "../ids.ts";

export const MAX_RECORDING_BYTES = 256 * 1024 * 1024;
const MAX_PACKETS = 1_000_000;

/** A line is an object with two values. */
const LINE_LIMITS: JsonLimits = { chars: 2048, depth: 2, nodes: 10 };

const head = v.object({ zephyrgate_recording: v.literal(1), own: v.string() });
const entry = v.object({ at_s: v.pipe(v.number(), v.minValue(0), v.maxValue(1e9)), packet: v.pipe(v.string(), v.maxLength(1024)) });

export interface RecordedPacket {
  /** s since the beginning of the recording. */
  readonly atS: number;
  readonly packet: MeshPacket;
}

export interface Recording {
  /** The node that heard it. */
  readonly own: NodeNumber;
  readonly packets: readonly RecordedPacket[];
}

/** The first line. */
export function recordingHead(own: NodeNumber): string {
  return `${JSON.stringify({ zephyrgate_recording: 1, own: formatNodeId(own) })}\n`;
}

/** One further line. */
export function recordingLine({ atS, packet }: RecordedPacket): string {
  const bytes = toBinary(Mesh.MeshPacketSchema, packet);
  return `${JSON.stringify({ at_s: Math.round(atS * 1000) / 1000, packet: Buffer.from(bytes).toString("base64") })}\n`;
}

/** Reads a recording; a line that is cut off at the end, as after a kill, is left out. Fails with `invalid_argument`, naming the line. */
export function parseRecording(text: string, name: string): Result<Recording> {
  const [first = "", ...rest] = text.split("\n");
  const heading = v.safeParse(head, parsed(first));
  const own = heading.success ? parseNodeId(heading.output.own) : null;
  if (own === null)
    return fail("invalid_argument", "this is no recording", { where: `${name}:1`, hint: "zephyrgate simulate record makes one" });
  if (rest.length > MAX_PACKETS) return fail("too_large", `more than ${MAX_PACKETS} packets`, { where: name });
  const packets: RecordedPacket[] = [];
  for (const [index, line] of rest.entries()) {
    if (line === "") continue;
    const packet = packetOf(line);
    if (packet !== null) packets.push(packet);
    else if (index < rest.length - 1) return fail("invalid_argument", "the line is no recorded packet", { where: `${name}:${index + 2}` });
  }
  return ok({ own, packets });
}

function packetOf(line: string): RecordedPacket | null {
  const found = v.safeParse(entry, parsed(line));
  if (!found.success) return null;
  try {
    const packet = fromBinary(Mesh.MeshPacketSchema, Buffer.from(found.output.packet, "base64"));
    return { atS: found.output.at_s, packet: create(Mesh.MeshPacketSchema, packet) };
  } catch {
    // The library throws for malformed bytes; the caller names the line.
    return null;
  }
}

function parsed(line: string): unknown {
  const value = parseJson(line, LINE_LIMITS);
  return value.ok ? value.value : undefined;
}
