import { expect, test } from "bun:test";
import { createPage, mapPage, pageOver } from "../../src/bridge/shared-page.ts";
import { realmNumber } from "../../src/ids.ts";

test("the gateway's end sees which realm runs, and every sign of life", () => {
  const page = createPage();
  const host = mapPage(page.fd);
  expect(page.read()).toEqual({ realm: null, beats: 0 });
  host.enter(realmNumber(7));
  expect(page.read()).toEqual({ realm: realmNumber(7), beats: 1 });
  host.beat();
  expect(page.read()).toEqual({ realm: realmNumber(7), beats: 2 });
  host.leave();
  expect(page.read()).toEqual({ realm: null, beats: 3 });
  page.close();
  page.close();
  expect(page.read()).toEqual({ realm: null, beats: 3 });
});

test("two pages do not see each other", () => {
  const pages = [createPage(), createPage()] as const;
  mapPage(pages[0].fd).enter(realmNumber(1));
  expect(pages.map((page) => page.read().realm)).toEqual([realmNumber(1), null]);
  for (const page of pages) page.close();
});

test("what cannot be mapped is refused", () => {
  expect(() => mapPage(9999)).toThrow("cannot be mapped (errno 9)");
});

test("the host's end writes the realm and the beats and nothing else", () => {
  const words = new Uint32Array(4);
  pageOver(words).enter(realmNumber(3));
  expect([...words]).toEqual([3, 1, 0, 0]);
});
