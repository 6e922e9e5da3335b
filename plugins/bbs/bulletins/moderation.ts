/** For operators: who may not post. */
import { fitLines } from "zephyrgate";
import { type Action, type Environment, namedNode } from "../environment.ts";

/** `block NODE`, `unblock NODE`, `blocked`; for everybody else there are no such words. */
export function moderation({ plugin, t }: Environment): { readonly [word: string]: Action } {
  async function block(words: readonly string[]): Promise<string> {
    const named = await namedNode(plugin, words);
    if (named === null) return t("name_unknown", { name: words.join(" ").slice(0, 30) });
    const { id, name } = named.node;
    await plugin.db.run("INSERT OR REPLACE INTO blocked VALUES (?, ?)", id, name);
    return t("node_blocked", { name });
  }

  async function unblock(words: readonly string[]): Promise<string> {
    const named = await namedNode(plugin, words);
    if (named === null) return t("name_unknown", { name: words.join(" ").slice(0, 30) });
    const { id, name } = named.node;
    const { changes } = await plugin.db.run("DELETE FROM blocked WHERE node = ?", id);
    return changes === 0 ? t("node_not_blocked", { name }) : t("node_unblocked", { name });
  }

  async function blocked(): Promise<string> {
    const rows = await plugin.db.query<{ node: string; name: string }>("SELECT node, name FROM blocked ORDER BY node LIMIT 20");
    if (rows.length === 0) return t("blocked_none");
    return fitLines(
      rows.map(({ node, name }) => (node === name ? node : `${node} ${name}`)),
      { title: t("blocked_title"), more: () => "…" },
    ).text;
  }

  const forOperators =
    (action: Action): Action =>
    (words, context) =>
      context.isOperator ? action(words, context) : Promise.resolve(t("usage_bbs"));
  return { block: forOperators(block), unblock: forOperators(unblock), blocked: forOperators(blocked) };
}
