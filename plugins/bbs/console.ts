/** What the operator's console asks: `zephyrgate plugin ask bbs export`, and taking over another board's data. */
import type { Json, PluginMessage } from "zephyrgate";
import type { Bulletins, NewBulletin } from "./bulletins/store.ts";
import type { Channels, NewChannel } from "./directory/store.ts";
import type { Letters, NewLetter } from "./mail/store.ts";

/** The gateway names the operator so; no plugin can have this name. */
const OPERATOR = "@operator";
const EXPORT_ROWS = 50;

/** A bulletin that names the origin of the one it replies to. */
type ImportedBulletin = NewBulletin & { readonly origin: string };

interface Import {
  readonly bulletins?: readonly ImportedBulletin[];
  readonly letters?: readonly (NewLetter & { readonly origin: string })[];
  readonly channels?: readonly (NewChannel & { readonly origin: string })[];
}

export class Console {
  constructor(
    private readonly bulletins: Bulletins,
    private readonly letters: Letters,
    private readonly channels: Channels,
    private readonly posted: (receiver: string) => void,
  ) {}

  /** Null for everybody but the operator, and for what is no question. */
  async answer({ source, type, data }: PluginMessage): Promise<Json> {
    if (source !== OPERATOR) return null;
    if (type === "export") return this.#export((data ?? {}) as { from?: number });
    return type === "import" ? this.#import((data ?? {}) as Import) : null;
  }

  /** Bulletins as lines of JSON, some at a time: `next` is asked for with the same type. Letters are private and not among them. */
  async #export({ from }: { readonly from?: number }): Promise<Json> {
    const rows = await this.bulletins.window(from ?? null, EXPORT_ROWS);
    const text = rows.map((row) => JSON.stringify(row)).join("\n");
    const last = rows.at(-1);
    return { text, next: last === undefined || rows.length < EXPORT_ROWS ? null : { from: last.id - 1 } };
  }

  /** Takes what is new; `origin` tells what was taken before. */
  async #import({ bulletins = [], letters = [], channels = [] }: Import): Promise<Json> {
    const taken = { bulletins: 0, letters: 0, channels: 0 };
    for (const bulletin of bulletins) if ((await this.bulletins.add(bulletin)) !== null) taken.bulletins++;
    for (const letter of letters) {
      if ((await this.letters.add(letter)) === null) continue;
      taken.letters++;
      if (letter.isRead !== true) this.posted(letter.receiver);
    }
    for (const channel of channels) if ((await this.channels.add(channel)) !== null) taken.channels++;
    return taken;
  }
}
