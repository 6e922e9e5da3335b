import { addressOf, rest } from "../../state/address.ts";
import { Audit } from "./audit.tsx";
import { Log } from "./lines.tsx";

export function LogView() {
  const isAudit = rest.value[0] === "audit";
  return (
    <>
      <nav class="tabs" aria-label="Log or audit">
        <a href={addressOf("log")} aria-current={isAudit ? undefined : "page"}>
          Log
        </a>
        <a href={addressOf("log", "audit")} aria-current={isAudit ? "page" : undefined}>
          Audit
        </a>
      </nav>
      {isAudit ? <Audit /> : <Log />}
    </>
  );
}
