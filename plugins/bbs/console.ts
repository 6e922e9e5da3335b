/** What the operator's console asks: `zephyrgate plugin ask bbs export`, taking over another board's data, and judging what an import of its own brought. */
import type { Json, Plugin, PluginMessage } from "zephyrgate";
import type { Bulletins } from "./bulletins/store.ts";
import type { Config } from "./config.types.ts";
import type { Channels } from "./directory/store.ts";
import { type ImportedName, isFields, judgeBulletin, judgeChannel, judged, judgeLetter, judgeName, type Refused } from "./import.ts";
import type { Letters } from "./mail/store.ts";
import { Restored } from "./restored.ts";

/** The gateway names the operator so; no plugin can have this name. */
const OPERATOR = "@operator";
const EXPORT_ROWS = 25;

/** Reasons that are told of one list of rows; the rest is counted. */
const REASONS_MAX = 40;
/** Names of nodes that were never heard here. */
const NAMES_MAX = 10_000;

type Import = { readonly [kind: string]: Json | undefined };

export class Console {
  private readonly restored: Restored;

  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly stores: { readonly bulletins: Bulletins; readonly letters: Letters; readonly channels: Channels },
    private readonly posted: (receiver: string) => void,
  ) {
    this.restored = new Restored(plugin, stores.bulletins);
  }

  /** Null for everybody but the operator, and for what is no question. */
  async answer({ source, type, data }: PluginMessage): Promise<Json> {
    if (source !== OPERATOR) return null;
    if (type === "imported") return this.restored.judge(data);
    if (type === "export") return this.#export(isFields(data) ? data.from : undefined);
    return type === "import" ? this.#import(isFields(data) ? data : {}) : null;
  }

  /** Bulletins as lines of JSON, some at a time: `next` is asked for with the same type. Letters are private and not among them. */
  async #export(from: Json | undefined): Promise<Json> {
    const rows = await this.stores.bulletins.window(typeof from === "number" ? from : null, EXPORT_ROWS);
    const text = rows.map((row) => JSON.stringify(row)).join("\n");
    const last = rows.at(-1);
    return { text, next: last === undefined || rows.length < EXPORT_ROWS ? null : { from: last.id - 1 } };
  }

  /** Takes what is new; `origin` tells what was taken before. What is not as it must be is refused row by row, with the reason. */
  async #import(given: Import): Promise<Json> {
    const refused: Refused[] = [];
    const taken = { bulletins: 0, letters: 0, channels: 0, names: 0 };
    for (const name of judged("names", given.names, judgeName, refused)) if (await this.#learn(name)) taken.names++;
    const bulletins = judged("bulletins", given.bulletins, judgeBulletin, refused);
    taken.bulletins = await this.stores.bulletins.addAll(bulletins);
    for (const [row, letter] of judged("letters", given.letters, judgeLetter, refused).entries()) {
      if (!(await this.stores.letters.hasRoom())) refused.push({ kind: "letters", row, reason: "no more letters fit" });
      else if ((await this.stores.letters.add(letter)) !== null) {
        taken.letters++;
        if (letter.isRead !== true) this.posted(letter.receiver);
      }
    }
    for (const [row, channel] of judged("channels", given.channels, judgeChannel, refused).entries()) {
      if ((await this.stores.channels.count()) >= this.plugin.getConfig("max_channels"))
        refused.push({ kind: "channels", row, reason: "the directory is full (max_channels)" });
      else if ((await this.stores.channels.add(channel)) !== null) taken.channels++;
    }
    for (const kind of Object.keys(given))
      if (!Object.hasOwn(taken, kind)) refused.push({ kind: kind.slice(0, 40), row: 0, reason: "there is nothing of this kind here" });
    return { ...taken, refused: refused.slice(0, REASONS_MAX).map((each) => ({ ...each })), refused_count: refused.length };
  }

  /** A node of which nothing was heard yet can be written to by the name that it had. True when it is new. */
  async #learn({ node, long, short }: ImportedName): Promise<boolean> {
    const name = long === "" ? short : long;
    const [known] = await this.plugin.db.query<{ n: number }>("SELECT count(*) AS n FROM names");
    if ((known?.n ?? 0) >= NAMES_MAX) return false;
    let isNew = false;
    for (const each of new Set([long.toLowerCase(), short.toLowerCase()])) {
      if (each === "") continue;
      isNew = (await this.plugin.db.run("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", each, node, name)).changes > 0 || isNew;
    }
    return isNew;
  }
}
