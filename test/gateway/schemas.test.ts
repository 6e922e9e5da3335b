import { expect, test } from "bun:test";
import { SCHEMAS } from "../../src/gateway/context/storage.ts";

test("each room has its tables in the core database once: no gateway starts with a table that is made twice", () => {
  const rooms = SCHEMAS.map(({ room }) => room);
  expect(rooms).toEqual([...new Set(rooms)]);
});
