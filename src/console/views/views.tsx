import type { ViewName } from "../state/address.ts";
import { Messages } from "./messages/messages.tsx";
import { Overview } from "./overview/overview.tsx";

export function ViewOf({ name }: { readonly name: ViewName }) {
  if (name === "messages") return <Messages />;
  return <Overview />;
}
