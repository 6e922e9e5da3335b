import type { SimulateControl } from "../api/contract/control.ts";
import { fail, ok } from "../errors.ts";
import { parseNodeId } from "../mesh/ids.ts";
import type { SimulatedMesh } from "../mesh/simulator/mesh.ts";

/** Sends texts as a simulated node and injects faults; undefined without a simulated interface. */
export function simulateControl(meshes: readonly SimulatedMesh[]): SimulateControl | undefined {
  const [mesh] = meshes;
  if (mesh === undefined) return undefined;
  const number = (node: string | number) => (typeof node === "number" ? node : parseNodeId(node));
  return {
    say: ({ from, to, text, channel }) => {
      const sender = number(from);
      const receiver = to === undefined ? undefined : number(to);
      if (sender === null || receiver === null) {
        return fail("invalid_argument", "a simulated node must be a node number or id", { hint: "for example !00000002" });
      }
      const said = mesh.say({
        from: sender,
        text,
        ...(receiver === undefined ? {} : { to: receiver }),
        ...(channel === undefined ? {} : { channel }),
      });
      return said.ok ? ok({ packetId: said.value }) : said;
    },
    fail: (fault) => {
      mesh.fail(fault);
      return ok(null);
    },
  };
}
