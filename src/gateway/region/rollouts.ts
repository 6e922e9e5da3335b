/** Rollouts of plugins over the region: from this site, and to it as far as its own operator lets others. */
import type { Actor, PackageControl } from "../../api/contract/control.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { installedPath } from "../../packages/installed.ts";
import { type PluginPackage, readPackage } from "../../packages/package.ts";
import { entryOf, readLock } from "../../packages/trust/lock.ts";
import { readSigners } from "../../packages/trust/signers.ts";
import type { SiteId } from "../../region/ports.ts";
import type { RolloutCoordinator } from "../../region/rollout/coordinator.ts";
import type { RolloutHost } from "../../region/rollout/receiver.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import type { GatewayContext } from "../context/context.ts";
import type { GatewayPlugins } from "../plugins/plugins.ts";
import type { GatewayRegion } from "./region.ts";

export interface Rollouts {
  readonly coordinator: RolloutCoordinator;
  /** Reads a package that is to be rolled out: it must be signed. */
  read(bytes: Uint8Array): Promise<Result<PluginPackage>>;
}

export interface RolloutPeers {
  readonly region: GatewayRegion | null;
  readonly plugins: GatewayPlugins;
  readonly database: CoreDatabase;
  readonly packages: () => Pick<PackageControl, "install" | "use" | "remove"> | undefined;
}

/** Null without a usable region: then nothing of it is loaded. */
export async function makeRollouts(context: GatewayContext, peers: RolloutPeers): Promise<Rollouts | null> {
  const site = peers.region?.site ?? null;
  if (site === null) return null;
  const [{ RolloutCoordinator: Coordinator }, { RolloutReceiver }, { RolloutStore }] = await Promise.all([
    import("../../region/rollout/coordinator.ts"),
    import("../../region/rollout/receiver.ts"),
    import("../../region/rollout/store.ts"),
  ]);
  const { clock, random, life, config } = context;
  const log = context.log.logger.child("region");
  const coordinator = new Coordinator({ clock, random, log, sites: site, store: new RolloutStore(peers.database) });
  const control = () => config().region?.control.map((id) => id as SiteId) ?? [];
  const receiver = new RolloutReceiver({ clock, log, sites: site, control, host: hostOf(context, peers) });
  coordinator.start();
  receiver.start();
  life.add("rollouts", () => {
    coordinator.stop();
    receiver.stop();
  });
  return { coordinator, read: (bytes) => readSigned(bytes, peers.plugins) };
}

async function readSigned(bytes: Uint8Array, { catalogue }: GatewayPlugins): Promise<Result<PluginPackage>> {
  const read = await readPackage(bytes, (text, file) => catalogue.readManifest(text, file));
  if (!read.ok || read.value.signer !== null) return read;
  return fail("permission_denied", `${read.value.manifest.name} is not signed, and only signed packages are rolled out`, {
    hint: "zephyrgate plugin pack --sign KEY",
  });
}

function hostOf(context: GatewayContext, { plugins, packages, region }: RolloutPeers): RolloutHost {
  const actor: Actor = { via: "region", address: region?.settings.name ?? "" };
  return {
    async install(bytes, expected) {
      const read = await readSigned(bytes, plugins);
      if (!read.ok) return read;
      const refused = refusalOf(context, plugins, read.value, expected);
      if (refused !== null) return refused;
      const installed = (await packages()?.install(bytes, { force: false }, actor)) ?? fail("unavailable", "the gateway is starting");
      if (!installed.ok) return installed;
      return installed.value.waits ? notAccepted(expected.name, "it waits for its operator") : ok(null);
    },
    async back({ name, version }) {
      const plugin = plugins.supervisor.get(name);
      const control = packages();
      if (control === undefined) return fail("unavailable", "the gateway is starting");
      if (plugin === null || plugin.candidate.manifest.version !== version) return ok(null);
      const lock = readLock(context.config().data_dir);
      if (!lock.ok) return lock;
      const before = entryOf(lock.value, name)?.previous ?? null;
      if (before === null) return control.remove(name, { purge: false }, actor);
      const used = await control.use(name, before.version, actor);
      return used.ok ? ok(null) : used;
    },
    stateOf(name) {
      const plugin = plugins.supervisor.get(name);
      if (plugin === null) return null;
      const { state, reason } = plugin.status;
      return { state, version: plugin.candidate.manifest.version, reason: reason === "" ? null : reason };
    },
  };
}

/** This site's own rules: what was announced, by a signer that it trusts, and no permission that its operator has not accepted. */
function refusalOf(
  { config }: GatewayContext,
  { approvals, supervisor }: GatewayPlugins,
  { manifest, signer }: PluginPackage,
  expected: { readonly name: string; readonly version: string },
): Result<never> | null {
  const { name, version } = manifest;
  const dataDir = config().data_dir;
  if (name !== expected.name || version !== expected.version)
    return fail("invalid_argument", `the package holds ${name} ${version}, and ${expected.name} ${expected.version} was announced`);
  const signers = readSigners(dataDir);
  if (!signers.ok) return signers;
  const fingerprint = signer?.fingerprint ?? "none";
  if (!signers.value.some((trusted) => trusted.fingerprint === fingerprint)) {
    return fail("permission_denied", `${name} is signed by ${fingerprint}, whom this site does not trust`, {
      hint: "its operator decides: zephyrgate trust add",
    });
  }
  if (supervisor.get(name)?.state === "disabled") return fail("conflict", `${name} is disabled at this site`);
  const approval = approvals.judge({ name, manifest, bundled: false, path: installedPath(dataDir, name) });
  return approval.state === "accepted" ? null : notAccepted(name, approval.reason);
}

function notAccepted(name: string, reason: string): Result<never> {
  return fail("permission_denied", `the operator of this site has not accepted what ${name} asks for: ${reason}`, {
    hint: "install it there first, or list it under plugins.enabled_plugins",
  });
}
