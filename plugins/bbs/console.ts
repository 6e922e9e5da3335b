/** What the operator's console asks: `zephyrgate plugin ask bbs export`, and taking over another board's data. */
import type { Json, Plugin, PluginMessage } from "zephyrgate";
import type { Bulletins, NewBulletin } from "./bulletins/store.ts";
import type { Config } from "./config.types.ts";
import type { Channels, NewChannel } from "./directory/store.ts";
import type { Letters, NewLetter } from "./mail/store.ts";

/** The gateway names the operator so; no plugin can have this name. */
const OPERATOR = "@operator";
const EXPORT_ROWS = 25;

/** A bulletin that names the origin of the one it replies to. */
type ImportedBulletin = NewBulletin & { readonly origin: string };

interface Import {
  readonly bulletins?: readonly ImportedBulletin[];
  readonly letters?: readonly (NewLetter & { readonly origin: string })[];
  readonly channels?: readonly (NewChannel & { readonly origin: string })[];
  readonly names?: readonly ImportedName[];
}

/** How a node was called there; "" for none. */
interface ImportedName {
  readonly node: string;
  readonly long: string;
  readonly short: string;
}

export class Console {
  constructor(
    private readonly plugin: Pick<Plugin<Config>, "db">,
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
  async #import({ bulletins = [], letters = [], channels = [], names = [] }: Import): Promise<Json> {
    const taken = { bulletins: 0, letters: 0, channels: 0, names: 0 };
    for (const name of names) if (await this.#learn(name)) taken.names++;
    taken.bulletins = await this.bulletins.addAll(bulletins);
    for (const letter of letters) {
      if ((await this.letters.add(letter)) === null) continue;
      taken.letters++;
      if (letter.isRead !== true) this.posted(letter.receiver);
    }
    for (const channel of channels) if ((await this.channels.add(channel)) !== null) taken.channels++;
    return taken;
  }

  /** A node of which nothing was heard yet can be written to by the name that it had. True when it is new. */
  async #learn({ node, long, short }: ImportedName): Promise<boolean> {
    const name = long === "" ? short : long;
    let isNew = false;
    for (const each of new Set([long.toLowerCase(), short.toLowerCase()])) {
      if (each === "") continue;
      isNew = (await this.plugin.db.run("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", each, node, name)).changes > 0 || isNew;
    }
    return isNew;
  }
}
