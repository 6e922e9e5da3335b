import { AnswerClaims } from "../../region/answers/claims.ts";
import type { JoinedRegion } from "../../region/ports.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Mesh } from "../mesh/mesh.ts";

/** Who answers what several sites hear is decided with the others; null: this gateway asks nobody. */
export function makeClaims(context: GatewayContext, joined: JoinedRegion | null, mesh: Mesh): AnswerClaims | null {
  const { region } = context.config();
  if (joined === null || region?.share.includes("answers") === false) return null;
  const { clock, bus, life, log } = context;
  const claims = new AnswerClaims({
    clock,
    log: log.logger.child("region"),
    messages: joined.messages,
    ownNodes: () => mesh.names.links().flatMap(({ ownNode }) => ownNode ?? []),
    mayAnswer: () => !mesh.silence.isOn,
  });
  claims.start();
  const links = bus.on("link_state", () => claims.tellNodes());
  life.add("claims of answers", () => {
    links.dispose();
    claims.stop();
  });
  return claims;
}
