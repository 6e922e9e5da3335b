/** What has to be carried to a board. */
import { statSync } from "node:fs";
import { row, type Settings, type Tell } from "../row.ts";

export async function size({ binary }: Settings, tell: Tell): Promise<void> {
  const bytes = (path: string) => statSync(path).size / 1e6;
  const bare = { what: "bun itself", value: bytes(process.execPath) };
  tell(row({ id: "size", section: "further", figure: "binary", values: [bytes(binary)], unit: "MB", target: 125, bare }));
}
