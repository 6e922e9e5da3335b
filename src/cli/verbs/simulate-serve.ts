import { createWriteStream } from "node:fs";
import { resolve } from "node:path";
import { systemClock, systemRandom } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { formatNodeId } from "../../mesh/ids.ts";
import { Recorder } from "../../mesh/recording/recorder.ts";
import { parseRecording, type Recording } from "../../mesh/recording/recording.ts";
import { replay } from "../../mesh/recording/replay.ts";
import { SimulatedMesh } from "../../mesh/simulator/mesh.ts";
import { serveStream } from "../../mesh/stream-server/serve.ts";
import { line, note } from "../verb/output.ts";
import { readText } from "../verb/script.ts";
import { type Call, done, type Io, misuse, textFlag, type Verb } from "../verb/verb.ts";

const DEFAULT_FIRMWARE = "2.8.0.simulated";

export const serveVerbs: readonly Verb[] = [
  {
    name: "simulate serve",
    summary: "run a simulated node on a TCP port of this machine, for any Meshtastic client; --replay lets it hear a recording",
    flags: {
      port: { about: "the TCP port to listen on; 0 for any", value: "N", required: true },
      nodes: { about: "how many other nodes there are (3)", value: "N" },
      firmware: { about: "the firmware version to report", value: "VERSION" },
      "mqtt-root": { about: "the node passes MQTT through its client, under this root topic (msh/TEST)", value: "TOPIC" },
      replay: { about: "let the node hear this recording", value: "FILE" },
      speed: { about: "how many times faster to replay (1)", value: "X" },
    },
    run: serve,
  },
  {
    name: "simulate record",
    summary: "write the traffic that a node, or a gateway with mesh.share, hears into a file, until Ctrl-C; it sends nothing on the air",
    args: [{ name: "FILE", about: "where to write it", values: "file" }],
    flags: {
      port: { about: "the node's TCP port", value: "N", required: true },
      host: { about: "the node's address (127.0.0.1)", value: "HOST" },
    },
    run: record,
  },
];

async function serve({ io, flags }: Call): Promise<Result<number>> {
  const port = Number(textFlag(flags, "port") ?? "");
  const nodes = Number(textFlag(flags, "nodes") ?? "3");
  const speed = Number(textFlag(flags, "speed") ?? "1");
  if (!isPort(port, 0)) return misuse("--port must be a number from 0 to 65535");
  if (!Number.isInteger(nodes) || nodes < 0 || nodes > 1000) return misuse("--nodes must be a number from 0 to 1000");
  if (!(speed > 0 && speed <= 1000)) return misuse("--speed must be a number up to 1000");
  const file = textFlag(flags, "replay");
  const recording = file === undefined ? ok(null) : readRecording(io, file);
  if (!recording.ok) return recording;
  const firmware = textFlag(flags, "firmware") ?? DEFAULT_FIRMWARE;
  const root = textFlag(flags, "mqtt-root");
  const mqtt = root === undefined ? {} : { mqtt: { root } };
  const mesh = new SimulatedMesh({ nodes, clock: systemClock, random: systemRandom, firmware, ...mqtt });
  const server = serveStream(mesh, { port });
  if (!server.ok) return server;
  line(io, `a simulated node and ${nodes} others listen on 127.0.0.1:${server.value.port}; press Ctrl-C to stop`);
  const heardText = mesh.onHeard((text) => line(io, `${formatNodeId(text.from)} to ${formatNodeId(text.to)}: ${text.text}`));
  const running =
    recording.value === null
      ? null
      : replay(recording.value, mesh, { clock: systemClock, speed, done: () => note(io, "the recording has ended") });
  await interrupted(io);
  running?.stop();
  heardText.dispose();
  server.value.stop();
  mesh.stop();
  return done;
}

function readRecording(io: Io, name: string): Result<Recording> {
  const text = readText(io.cwd, name);
  return text.ok ? parseRecording(text.value, name) : text;
}

function isPort(port: number, least: number): boolean {
  return Number.isInteger(port) && port >= least && port <= 65_535;
}

async function interrupted(io: Io, other?: Promise<unknown>): Promise<void> {
  const signal = new Promise<void>((stop) => {
    if (io.signal?.aborted === true) stop();
    io.signal?.addEventListener("abort", () => stop(), { once: true });
  });
  await (other === undefined ? signal : Promise.race([signal, other]));
}

async function record({ io, args, flags }: Call): Promise<Result<number>> {
  const hostname = textFlag(flags, "host") ?? "127.0.0.1";
  const port = Number(textFlag(flags, "port") ?? "");
  if (!isPort(port, 1)) return misuse("--port must be a number from 1 to 65535");
  const name = args[0] ?? "";
  const closed = Promise.withResolvers<string>();
  const holder: { recorder: Recorder | null } = { recorder: null };
  try {
    const socket = await Bun.connect({
      hostname,
      port,
      socket: {
        data: (_, bytes) => holder.recorder?.data(new Uint8Array(bytes)),
        close: () => closed.resolve("the node closed the connection"),
        error: (_, error) => closed.resolve(error.message),
      },
    });
    const out = createWriteStream(resolve(io.cwd, name));
    out.on("error", (error) => closed.resolve(`cannot write ${name}: ${error.message}`));
    const recorder = new Recorder({
      clock: systemClock,
      random: systemRandom,
      send: (bytes) => void socket.write(bytes),
      write: (text) => void out.write(text),
    });
    holder.recorder = recorder;
    recorder.start();
    line(io, `recording what ${hostname}:${port} hears into ${name}; press Ctrl-C to stop`);
    await interrupted(io, closed.promise);
    recorder.stop();
    socket.end();
    await new Promise<void>((end) => out.end(() => end()));
    note(io, `${recorder.packets} packets recorded`);
    return io.signal?.aborted === true ? done : fail("link_down", await closed.promise);
  } catch (cause) {
    return fail("link_down", `nobody answers at ${hostname}:${port}`, {
      cause,
      hint: "a node's TCP port is 4403; a gateway's is that of mesh.share",
    });
  }
}
