/** What a plugin host writes on its standard output and error: hostile text, cut into bounded lines. */

/** Characters of a line that are kept. */
const MAX_LINE = 1000;
/** Lines a second that are handed on; the others are counted. */
const MAX_RATE = 50;
/** Bytes a second. An honest host never writes so much, and cutting it into lines would cost the gateway time. */
const FLOOD = 2 ** 20;

export interface LineSink {
  line(text: string): void;
  /** Once for each second in which there were too many. */
  dropped(count: number): void;
  /** It wrote far too much: nothing more is read, and its further writes fail. */
  flooded(): void;
}

/** Reads to the end; memory stays bounded whatever comes. Resolves at the end. */
export async function readLines(stream: ReadableStream<Uint8Array>, now: () => number, sink: LineSink): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  let window = { since: now(), lines: 0, dropped: 0, bytes: 0 };
  const turn = () => {
    if (window.dropped > 0) sink.dropped(window.dropped);
    window = { since: now(), lines: 0, dropped: 0, bytes: 0 };
  };
  const emit = (text: string) => {
    if (text === "") return;
    if (++window.lines > MAX_RATE) window.dropped++;
    else sink.line(text);
  };
  for await (const chunk of stream) {
    if (now() - window.since >= 1000) turn();
    window.bytes += chunk.length;
    if (window.bytes > FLOOD) {
      turn();
      sink.flooded();
      return; // Which closes the pipe.
    }
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = (lines.pop() ?? "").slice(0, MAX_LINE);
    for (const line of lines) emit(line.slice(0, MAX_LINE));
  }
  emit(rest);
  turn();
}
