/**
 * Boards and mail at all sites of a region. While this gateway is alone, nothing is given or taken.
 *
 * Shared keys: `b/KEY` a bulletin, `d/KEY` that it was deleted, `h/NODE` at which site a node reads its mail, `m/KEY` a letter
 * on its way there, sealed to that site.
 */
import type { Json, Plugin } from "zephyrgate";
import type { Bulletins } from "./bulletins/store.ts";
import type { Config } from "./config.types.ts";
import type { Letters } from "./mail/store.ts";
import { readBulletin, readHome, readLetter, type SharedBulletin } from "./shared.ts";

const DAY_S = 86_400;
/** The longest life of a shared value. */
const TTL_MAX_S = 30 * DAY_S;
const TTL_MIN_S = 60;
/** Rows that one round gives or takes; the next round goes on. */
const AT_ONCE = 20;
/** Commands come in bursts, ms. */
const SOON_MS = 1_000;
const HINT = "changed";
/** Of what is only remembered, at most so much: what is forgotten is looked at again, and known by the database. */
const REMEMBERED_MAX = 5_000;

interface Parts {
  readonly plugin: Plugin<Config>;
  readonly bulletins: Bulletins;
  readonly letters: Letters;
  /** A letter waits for this node. */
  posted(node: string): void;
}

export class RegionBbs {
  /** This site; null: alone, or not yet known. */
  #self: string | null = null;
  /** Bulletins and deletions that are known here, by their key. */
  readonly #known = new Set<string>();
  /** Site at which a node reads its mail. */
  readonly #homes = new Map<string, string>();
  /** This site is to say that it is the home of these nodes. */
  readonly #moved = new Map<string, string>();
  /** Values that were refused, or could not be shared: each is told once. */
  readonly #told = new Set<string>();
  #isRunning = false;
  #isPlanned = false;
  /** Something changed while a round ran. */
  #isAgain = false;

  constructor(private readonly parts: Parts) {}

  /** Hears when another site changed something. */
  start(): void {
    const { plugin } = this.parts;
    try {
      plugin.region.subscribe(HINT, () => this.soon());
    } catch {
      // The operator shares no boards and mail.
    }
  }

  /** A node used its mailbox here. */
  reads(node: string, name: string): void {
    if (this.#self !== null && this.#homes.get(node) === this.#self) return;
    if (this.#moved.size < REMEMBERED_MAX) this.#moved.set(node, name);
  }

  soon(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setTimeout(() => {
      this.#isPlanned = false;
      return this.round();
    }, SOON_MS);
  }

  /** Gives what is new here, and takes what is new elsewhere. */
  async round(): Promise<void> {
    if (this.#isRunning) {
      this.#isAgain = true;
      return;
    }
    this.#isRunning = true;
    this.#isAgain = false;
    for (const remembered of [this.#known, this.#told]) if (remembered.size > REMEMBERED_MAX) remembered.clear();
    try {
      if (!(await this.#isInRegion())) return;
      // First, so that letters go where their readers are now.
      await this.#takeHomes();
      const given = (await this.#giveHomes()) + (await this.#giveBulletins()) + (await this.#giveDeletions()) + (await this.#giveLetters());
      if (given > 0) await this.parts.plugin.region.publish(HINT, null);
      await this.#takeDeletions();
      await this.#takeBulletins();
      await this.#takeLetters();
    } catch (error) {
      // What could not be given or taken now is tried again in the next round.
      this.parts.plugin.log.warn("boards and mail could not be shared now", { error });
    } finally {
      this.#isRunning = false;
    }
    if (this.#isAgain) this.soon();
  }

  /** One value that is wrong, or cannot be shared, holds up no other. Gives whether it worked. */
  async #each(key: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#tell(key, "could not be shared now", error);
      return false;
    }
  }

  #tell(key: string, what: string, error?: unknown): void {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.parts.plugin.log.warn(`the shared value ${key} ${what}`, error === undefined ? {} : { error });
  }

  async #isInRegion(): Promise<boolean> {
    try {
      const sites = await this.parts.plugin.region.sites();
      this.#self = sites.length > 1 ? (sites.find((site) => site.isSelf)?.id ?? null) : null;
    } catch {
      this.#self = null;
    }
    return this.#self !== null;
  }

  /** The same each time: whatever is given twice is one thing. */
  #keyOf(id: number, at: number): string {
    return `${this.#self?.slice(0, 12)}-${at.toString(36)}-${id}`;
  }

  #ttl(at: number, days: number): number {
    const left = Math.floor((at - Date.now()) / 1000 + days * DAY_S);
    return Math.min(TTL_MAX_S, Math.max(TTL_MIN_S, left));
  }

  async #giveBulletins(): Promise<number> {
    const { plugin, bulletins } = this.parts;
    const rows = await bulletins.unshared(AT_ONCE);
    for (const { id, board, subject, body, author, author_name, at, root } of rows) {
      const key = this.#keyOf(id, at);
      const shared: SharedBulletin = { board, subject, body, author, author_name, at, thread: root };
      this.#known.add(key);
      await plugin.region.storeShared(`b/${key}`, { ...shared }, { ttl: this.#ttl(at, plugin.getConfig("bulletin_days", 30)) });
      await bulletins.markShared(id, key);
    }
    return rows.length;
  }

  async #giveDeletions(): Promise<number> {
    const { plugin, bulletins } = this.parts;
    const keys = await bulletins.deletedKeys(AT_ONCE);
    for (const key of keys) {
      for (const known of [key, `d/${key}`]) this.#known.add(known);
      await plugin.region.storeShared(`d/${key}`, true, { ttl: TTL_MAX_S });
      await plugin.region.deleteShared(`b/${key}`);
      await bulletins.forgetDeleted(key);
    }
    return keys.length;
  }

  async #takeDeletions(): Promise<void> {
    for (const full of await this.#news("d/")) {
      this.#known.add(full);
      this.#known.add(full.slice(2));
      await this.parts.bulletins.removeShared(full.slice(2));
    }
  }

  async #takeBulletins(): Promise<void> {
    const { plugin, bulletins } = this.parts;
    const boards = plugin.getConfig("boards");
    let taken = 0;
    for (const full of await plugin.region.listShared("b/")) {
      const key = full.slice(2);
      if (this.#known.has(key)) continue;
      const shared = readBulletin(await plugin.region.retrieveShared<Json>(full, null));
      if (shared === null) {
        this.#known.add(key);
        this.#tell(full, "is no bulletin, and was left out");
        continue;
      }
      const thread = shared.thread === null ? null : await bulletins.idOf(shared.thread);
      // A reply may come before what it replies to.
      if (thread === null && shared.thread !== null) continue;
      const board = boards.find((name) => name.toLowerCase() === shared.board.toLowerCase()) ?? boards[0] ?? "general";
      await bulletins.add({ ...shared, board, thread, origin: originOf(key) });
      this.#known.add(key);
      if (++taken % AT_ONCE === 0) await plugin.pause();
    }
  }

  async #giveHomes(): Promise<number> {
    const { plugin } = this.parts;
    const moved = [...this.#moved].slice(0, AT_ONCE);
    for (const [node, name] of moved) {
      await plugin.region.storeShared(`h/${node}`, { site: this.#self ?? "", name }, { ttl: TTL_MAX_S });
      this.#homes.set(node, this.#self ?? "");
      this.#moved.delete(node);
    }
    return moved.length;
  }

  async #takeHomes(): Promise<void> {
    const { plugin, letters } = this.parts;
    for (const full of await plugin.region.listShared("h/")) {
      const home = readHome(full.slice(2), await plugin.region.retrieveShared<Json>(full, null));
      if (home === null) this.#tell(full, "is no home of a node, and was left out");
      if (home === null || this.#homes.get(home.node) === home.site) continue;
      if (this.#homes.size >= REMEMBERED_MAX) this.#homes.clear();
      this.#homes.set(home.node, home.site);
      await letters.nameOf(home.node, home.name);
    }
  }

  /** Letters to nodes that read their mail elsewhere go there, and stay here until the region keeps them. */
  async #giveLetters(): Promise<number> {
    const { plugin, letters } = this.parts;
    let given = 0;
    for (const [node, site] of this.#homes) {
      if (site === this.#self || site === "" || given >= AT_ONCE) continue;
      for (const { id, receiver, sender, sender_name, subject, body, at } of await letters.unreadFor(node, AT_ONCE)) {
        const ttl = this.#ttl(at, plugin.getConfig("mail_days", 90));
        const letter = { receiver, sender, sender_name, subject, body, at };
        const key = `m/${this.#keyOf(id, at)}`;
        // To a site that is gone: the letter stays here, where its reader can find it.
        if (!(await this.#each(key, () => plugin.region.storeShared(key, letter, { site, ttl })))) break;
        await letters.remove(receiver, id);
        given++;
      }
    }
    return given;
  }

  async #takeLetters(): Promise<void> {
    const { plugin, letters, posted } = this.parts;
    const own = `m/${this.#self?.slice(0, 12)}-`;
    for (const full of await plugin.region.listShared("m/")) {
      if (full.startsWith(own)) continue;
      const letter = readLetter(await plugin.region.retrieveShared<Json>(full, null));
      if (letter !== null) {
        const isFull = (await letters.count(letter.receiver)) >= plugin.getConfig("max_letters", 100);
        // It waits in the region for room in the mailbox.
        if (isFull || !(await letters.hasRoom())) continue;
        await letters.add({ ...letter, origin: originOf(full) });
        posted(letter.receiver);
      } else this.#tell(full, "is no letter, and was removed");
      await plugin.region.deleteShared(full);
    }
  }

  async #news(prefix: string): Promise<string[]> {
    const keys = await this.parts.plugin.region.listShared(prefix);
    return keys.filter((key) => !this.#known.has(key));
  }
}

function originOf(key: string): string {
  return `region ${key}`;
}
