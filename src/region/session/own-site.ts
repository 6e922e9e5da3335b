/** This gateway as a site, in a region or not yet: what the rooms above hold stays the same when it joins one. */
import type { Clock, Random } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import { codeOf, removeFile } from "../../storage/atomic.ts";
import { openIdentity, type SiteIdentity, writeIdentity } from "../keys/identity.ts";
import { type Invitation, readInvitation, writeInvitation } from "../keys/invitation.ts";
import { KeyRing } from "../keys/key-ring.ts";
import type { SiteId, SiteKeys, SiteMessage, SiteMessages, SiteName, SiteView } from "../ports.ts";
import type { RegionDeps } from "./context.ts";
import { Region } from "./region.ts";
import { type KeysContext, siteKeys } from "./site-keys.ts";

export interface SiteSettings {
  readonly region: string;
  readonly name: SiteName;
  /** Files of the site's own key, and of the region's. */
  readonly siteKeyFile: string;
  readonly regionKeyFile: string;
}

export interface SiteDeps extends Omit<RegionDeps, "identity" | "ring" | "name"> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface Left {
  /** Other sites that hear of it; null: they were not told. */
  readonly others: number | null;
}

export type SiteState = "unjoined" | "waiting" | "enrolled" | "revoked";

interface Handler {
  readonly topic: string;
  readonly handle: (message: SiteMessage) => void;
  attached: Subscription | null;
}

export class OwnSite implements SiteMessages {
  readonly #handlers = new Set<Handler>();
  readonly #watchers = new Set<() => void>();
  #region: Region | null = null;
  #isStarted = false;
  #isRenewed = false;
  #hasLeft = false;

  private constructor(
    private readonly settings: SiteSettings,
    private readonly deps: SiteDeps,
    private readonly identity: SiteIdentity,
    ring: KeyRing | null,
  ) {
    if (ring !== null) this.#attach(ring);
  }

  /** Fails with `data_unusable` or `config_invalid`: the files cannot be used, or are of another region. */
  static open(settings: SiteSettings, deps: SiteDeps): Result<OwnSite> {
    const identity = openIdentity(settings.siteKeyFile, deps.random);
    if (!identity.ok) return identity;
    const ring = KeyRing.open(settings.regionKeyFile);
    if (!ring.ok) return ring;
    const joined = ring.value?.membership.region;
    if (joined !== undefined && joined !== settings.region) {
      return fail("config_invalid", `region.name is ${settings.region}, but this site is in region ${joined}`, {
        where: settings.regionKeyFile,
        hint: `write region.name: ${joined}; to leave that region: zephyrgate region leave, then join another`,
      });
    }
    return ok(new OwnSite(settings, deps, identity.value, ring.value));
  }

  get self(): SiteId {
    return this.identity.id;
  }

  get name(): SiteName {
    return this.settings.name;
  }

  /** Null: not joined yet. */
  get region(): Region | null {
    return this.#region;
  }

  get state(): SiteState {
    return this.#region?.standing ?? "unjoined";
  }

  /** Why the gateway must be started again before this site is in a region: its old key is out for ever. */
  get mustRestart(): "renewed" | "left" | null {
    return this.#hasLeft ? "left" : this.#isRenewed ? "renewed" : null;
  }

  get keys(): SiteKeys {
    const { identity, deps } = this;
    const alone: KeysContext = { identity, random: deps.random, self: identity.id, roster: NOBODY };
    const now = () => siteKeys(this.#region?.context ?? alone);
    return {
      self: this.self,
      sign: (bytes) => now().sign(bytes),
      verify: (site, bytes, signature) => now().verify(site, bytes, signature),
      seal: (to, bytes, context) => now().seal(to, bytes, context),
      open: (sealed, context) => now().open(sealed, context),
    };
  }

  start(): void {
    this.#isStarted = true;
    this.#region?.start();
  }

  async stop(): Promise<void> {
    await this.#region?.stop();
  }

  /** Makes the region, or, where there is one already, an invitation to it. Errors: `conflict` (revoked, not enrolled), `data_unusable`. */
  invite(): Result<{ readonly invitation: string; readonly isNew: boolean }> {
    if (this.#hasLeft) return fail("conflict", LEFT);
    const isNew = this.#region === null;
    const joined = isNew ? this.#found() : ok(null);
    if (!joined.ok) return joined;
    const region = this.#region;
    if (region === null || region.standing !== "enrolled") {
      return fail("conflict", "only an enrolled site can invite others", {
        hint: "zephyrgate region status shows what this site waits for",
      });
    }
    const { membership, key, self } = region.context;
    return ok({ invitation: writeInvitation({ membership: { ...membership, inviter: self }, key: key() }), isNew });
  }

  /** Joins by an invitation, and waits to be enrolled. Errors: `invalid_argument`, `conflict`, `data_unusable`. */
  accept(text: string): Result<{ readonly mustRestart: boolean }> {
    const read = readInvitation(text);
    if (!read.ok) return read;
    if (this.#hasLeft) return fail("conflict", LEFT);
    const { membership, key } = read.value;
    if (membership.region !== this.settings.region) {
      return fail("conflict", `the invitation is to region ${membership.region}, and region.name is ${this.settings.region}`, {
        hint: `write region.name: ${membership.region} into the configuration, restart, and join again`,
      });
    }
    if (this.state === "revoked") return this.#renew(read.value);
    if (this.#region !== null) return this.#again(this.#region, membership.founder);
    const ring = KeyRing.create(this.settings.regionKeyFile, membership, key);
    if (!ring.ok) return ring;
    this.#attach(ring.value);
    return ok({ mustRestart: false });
  }

  /**
   * Leaves the region: tells the others, then forgets keys and roster. `isSilent`: also where nobody can be told. Errors: `conflict`
   * (in none), `unavailable` (the others cannot be told), `data_unusable`; nothing has changed after the former two.
   */
  async leave(isSilent: boolean): Promise<Result<Left>> {
    const region = this.#region;
    if (region === null) return fail("conflict", this.#hasLeft ? LEFT : "this site is in no region, so there is none to leave");
    const said = await region.leave();
    if (!said.ok && !isSilent) return said;
    await region.stop();
    const forgotten = this.#forget();
    if (!forgotten.ok) return forgotten;
    this.#region = null;
    this.#hasLeft = true;
    this.deps.log.info(`this site has left region ${this.settings.region}`);
    this.#changed();
    return ok({ others: said.ok ? said.value.others : null });
  }

  connected(): boolean {
    return this.#region?.connected() ?? false;
  }

  sites(): readonly SiteView[] {
    if (this.#region !== null) return this.#region.sites();
    const { clock, version } = this.deps;
    return [{ id: this.self, name: this.name, state: "self", online: false, heardAt: clock.now(), version, report: this.deps.report() }];
  }

  send(topic: string, body: Json, to?: SiteId): Result<void> {
    return this.#region?.send(topic, body, to) ?? fail("unavailable", "this site is in no region yet", { hint: "zephyrgate region join" });
  }

  onMessage(topic: string, handle: (message: SiteMessage) => void): Subscription {
    const handler: Handler = { topic, handle, attached: this.#region?.onMessage(topic, handle) ?? null };
    this.#handlers.add(handler);
    return {
      dispose: () => {
        this.#handlers.delete(handler);
        handler.attached?.dispose();
      },
    };
  }

  onChange(handler: () => void): Subscription {
    this.#watchers.add(handler);
    return { dispose: () => void this.#watchers.delete(handler) };
  }

  #forget(): Result<null> {
    const { siteKeyFile, regionKeyFile } = this.settings;
    try {
      removeFile(regionKeyFile);
      removeFile(siteKeyFile);
    } catch (cause) {
      return fail("data_unusable", `the key files cannot be removed (${codeOf(cause)})`, {
        cause,
        hint: `stop the gateway and remove ${regionKeyFile} and ${siteKeyFile}`,
      });
    }
    this.deps.store.clear();
    return ok(null);
  }

  #found(): Result<null> {
    const { random } = this.deps;
    const membership = { region: this.settings.region, founder: this.self, inviter: this.self };
    const secret = Buffer.from(random.bytes(32)).toString("base64");
    const ring = KeyRing.create(this.settings.regionKeyFile, membership, { epoch: 1, secret, maker: this.self, excludes: [] });
    if (!ring.ok) return ring;
    this.#attach(ring.value);
    return ok(null);
  }

  /** The same invitation twice does no harm. */
  #again({ context, standing }: Region, founder: SiteId): Result<{ readonly mustRestart: boolean }> {
    if (context.membership.founder === founder && standing === "waiting") return ok({ mustRestart: false });
    if (context.membership.founder === founder) return fail("conflict", `this site is in region ${context.membership.region} already`);
    return fail("conflict", `this site is in another region called ${context.membership.region} already`, {
      hint: "to leave it: zephyrgate region leave; then restart the gateway, and join again",
    });
  }

  /** The old key is out for ever. */
  #renew({ membership, key }: Invitation): Result<{ readonly mustRestart: boolean }> {
    const { siteKeyFile, regionKeyFile } = this.settings;
    if (this.#isRenewed) return ok({ mustRestart: true });
    try {
      removeFile(regionKeyFile);
      removeFile(siteKeyFile);
      writeIdentity(siteKeyFile, this.deps.random);
    } catch (cause) {
      return fail("data_unusable", `the key files cannot be replaced (${codeOf(cause)})`, {
        cause,
        hint: "check the folder and free space",
      });
    }
    this.deps.store.clear();
    const ring = KeyRing.create(regionKeyFile, membership, key);
    if (!ring.ok) return ring;
    this.#isRenewed = true;
    return ok({ mustRestart: true });
  }

  #attach(ring: KeyRing): void {
    const region = new Region({ ...this.deps, report: () => this.deps.report(), identity: this.identity, ring, name: this.name });
    this.#region = region;
    for (const handler of this.#handlers) handler.attached = region.onMessage(handler.topic, handler.handle);
    region.onChange(() => this.#changed());
    if (this.#isStarted) region.start();
    this.#changed();
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) {
      try {
        watcher();
      } catch (error) {
        this.deps.log.error("a watcher of the region failed", { error });
      }
    }
  }
}

const LEFT = "this site has left its region, and its key is out for ever: restart the gateway, then join again";
const NOBODY: KeysContext["roster"] = { membership: { enrolled: new Map() } };
