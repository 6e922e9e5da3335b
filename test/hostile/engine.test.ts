import { expect, test } from "bun:test";
import { ENGINE } from "./corpus/engine.ts";
import { family } from "./family.ts";

family("reports about the engine", ENGINE);

test("the page says of each report whether it applies to the pinned engine", async () => {
  const page = await Bun.file(new URL("../../docs/security.md", import.meta.url)).text();
  const [, section = ""] = page.split("### Reports about the engine that apply");
  const [applying = ""] = section.split("\n### ");
  for (const { about, applies } of ENGINE)
    for (const one of about.split(/, | to /)) expect([one, applying.includes(one)]).toEqual([one, applies]);
});
