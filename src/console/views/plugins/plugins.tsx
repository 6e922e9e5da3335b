import { rest } from "../../state/address.ts";
import { PluginList } from "./list.tsx";
import { PluginPage } from "./page.tsx";

export function Plugins() {
  const [name, tab] = rest.value;
  return name === undefined ? <PluginList /> : <PluginPage key={name} name={name} tab={tab ?? "overview"} />;
}
