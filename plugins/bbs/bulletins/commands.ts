/** What people do with bulletins. */
import { asWritten, type Context, cutText, fitLines } from "zephyrgate";
import { type Action, askedNumber, askedText, type Environment } from "../environment.ts";
import { age, numberOf, pageOf, short } from "../layout.ts";
import { moderation } from "./moderation.ts";
import type { Bulletin, Bulletins } from "./store.ts";

/** Rows asked for at once: more than one message shows. */
const PAGE_ROWS = 12;
/** Bulletins that one search looks at, and how many at a time: an answer of the database has a bound. */
const SEARCH_ROWS = 500;
const WINDOW_ROWS = 25;
const SUBJECT_BYTES = 60;
const AUTHOR_BYTES = 16;
const BODY_BYTES = 1_000;

/** The actions by their words. */
export function bulletinActions(environment: Environment, store: Bulletins): { readonly [word: string]: Action } {
  const { plugin, t } = environment;
  const boards = () => plugin.getConfig("boards");
  const boardNamed = (word: string | undefined) => boards().find((name) => name.toLowerCase() === word?.toLowerCase());
  const current = (context: Context) => boardNamed(String(context.sessionData.board ?? "")) ?? boards()[0] ?? "general";

  async function showBoards(_words: readonly string[], context: Context): Promise<string> {
    const lines = await Promise.all(
      boards().map(async (name) => {
        const line = t("board_line", { name, posts: await store.count(name) });
        return name === current(context) ? t("board_current", { line }) : line;
      }),
    );
    return fitLines(lines, { title: t("boards"), more: () => "…" }).text;
  }

  async function choose(words: readonly string[], context: Context): Promise<string> {
    if (words.length === 0) return showBoards(words, context);
    const name = boardNamed(words[0]);
    if (name === undefined) return unknownBoard(words[0] ?? "");
    context.sessionData.board = name;
    return t("board_chosen", { name });
  }

  const unknownBoard = (word: string) => cutText(t("board_unknown", { name: short(word, 20), names: boards().join(", ") }));

  /** `list`, `list BOARD`, `list BOARD NUMBER`: from that number down. */
  async function list(words: readonly string[], context: Context): Promise<string> {
    const named = boardNamed(words[0]);
    const from = numberOf(words[named === undefined ? 0 : 1]);
    if (named === undefined && words.length > 0 && from === null) return unknownBoard(words[0] ?? "");
    const board = named ?? current(context);
    context.sessionData.board = board;
    const found = await store.list(board, from, PAGE_ROWS);
    if (found.length === 0) return cutText(t("list_empty", { board }));
    const title = t("list_title", { board, posts: await store.count(board) });
    return rows(found, title, (next) => t("more", { command: `bbs list ${board} ${next}` }));
  }

  function rows(found: readonly Bulletin[], title: string, more: (next: number) => string): string {
    const hasMore = found.length === PAGE_ROWS;
    const last = (shown: number) => found[shown]?.id ?? (found.at(-1)?.id ?? 1) - 1;
    return fitLines(found.map(line), { title: cutText(title, 60), hasMore, more: (shown) => more(last(shown)) }).text;
  }

  function line({ id, subject, author_name, at, replies }: Bulletin): string {
    const facts = { id, subject: short(subject, 34), author: short(author_name, AUTHOR_BYTES), age: age(t, at) };
    return replies === 0 ? t("line", facts) : t("line_replies", { ...facts, count: replies });
  }

  async function read(words: readonly string[], context: Context): Promise<string> {
    const id = await askedNumber(environment, words, context, "bbs read 12");
    if (typeof id === "string") return id;
    const found = await store.get(id);
    if (found === null) return t("none", { id });
    const { board, thread, subject, body, author_name, at, replies } = found;
    const facts = { id, subject: short(subject, SUBJECT_BYTES), author: short(author_name, AUTHOR_BYTES), age: age(t, at) };
    const head = thread === null ? t("read_head", { ...facts, board }) : t("read_reply_of", { ...facts, root: thread });
    const foot = replies === 0 ? "" : t("replies", { count: replies, id });
    return pageOf({ head, body, page: numberOf(words[1]) ?? 1, more: (page) => t("more", { command: `bbs read ${id} ${page}` }), foot });
  }

  async function thread(words: readonly string[], context: Context): Promise<string> {
    const id = await askedNumber(environment, words, context, "bbs thread 12");
    if (typeof id === "string") return id;
    const root = await store.get(id);
    if (root === null) return t("none", { id });
    const found = await store.thread(id, numberOf(words[1]) ?? 0, PAGE_ROWS);
    if (found.length === 0) return t("thread_empty", { id });
    const lines = found.map((reply) => line({ ...reply, subject: reply.body }));
    const next = (shown: number) => found[shown]?.id ?? (found.at(-1)?.id ?? 0) + 1;
    return fitLines(lines, {
      title: t("thread_title", { id, subject: short(root.subject, 40) }),
      hasMore: found.length === PAGE_ROWS,
      more: (shown) => t("more", { command: `bbs thread ${id} ${next(shown)}` }),
    }).text;
  }

  /** Why the sender may not post; null when nothing is in the way. */
  async function refusal({ senderId }: Context): Promise<string | null> {
    if (await store.isBlocked(senderId)) return t("blocked");
    const most = plugin.getConfig("max_per_author", 50);
    return (await store.countOf(senderId, most)) < most ? null : t("too_many", { count: most });
  }

  /** `post`, `post BOARD`, `post [BOARD] SUBJECT | TEXT`. */
  async function post(words: readonly string[], context: Context): Promise<string> {
    const refused = await refusal(context);
    if (refused !== null) return refused;
    const named = boardNamed(words[0]);
    const board = named ?? current(context);
    const written = asWritten(context, named === undefined ? words : words.slice(1));
    const parts = written === "" ? await composed(context) : subjectAndText(written);
    if (parts === null) return t("stopped");
    if (parts.subject === "") return t("no_text");
    const id = await store.add({ ...parts, board, thread: null, ...authorOf(context) });
    return id === null ? t("no_text") : t("posted", { id, board });
  }

  async function composed(context: Context) {
    const subject = await context.ask(t("ask_subject"), { timeout: 600 });
    const body = subject === null ? null : await context.ask(t("ask_text"), { timeout: 600 });
    return subject === null || body === null ? null : { subject: short(subject, SUBJECT_BYTES), body: cutText(body, BODY_BYTES) };
  }

  async function reply(words: readonly string[], context: Context): Promise<string> {
    const refused = await refusal(context);
    if (refused !== null) return refused;
    const id = await askedNumber(environment, words, context, "bbs reply 12 TEXT");
    if (typeof id === "string") return id;
    const to = await store.get(id);
    if (to === null) return t("none", { id });
    const text = await askedText(words.slice(1), t("ask_reply", { id }), context);
    if (text === null) return t("stopped");
    const root = to.thread ?? to.id;
    const subject = short(to.subject, SUBJECT_BYTES);
    const made = await store.add({ board: to.board, thread: root, subject, body: cutText(text, BODY_BYTES), ...authorOf(context) });
    return made === null ? t("no_text") : t("replied", { id: made, root });
  }

  /** Looks at the newest ones first, some hundreds at a time: `search WORDS`, and to go on `search WORDS <NUMBER`. */
  async function search(words: readonly string[], context: Context): Promise<string> {
    const from = numberOf(/^<(\d+)$/.exec(words.at(-1) ?? "")?.[1]);
    const sought = await askedText(from === null ? words : words.slice(0, -1), t("ask_search"), context);
    if (sought === null) return t("stopped");
    const shown = short(sought, 40);
    const { found, older } = await matching(sought.toLowerCase(), from);
    const goOn = (next: number) => t("older", { command: `bbs search ${shown} <${next}` });
    if (found.length === 0) {
      return older === null
        ? t("found_none", { words: shown })
        : `${t("found_none_older", { words: shown, count: SEARCH_ROWS })}\n${goOn(older)}`;
    }
    const next = (count: number) => found[count]?.id ?? older ?? 1;
    return fitLines(found.slice(0, PAGE_ROWS).map(line), {
      title: t("found", { words: shown }),
      hasMore: found.length > PAGE_ROWS || older !== null,
      more: (count) => goOn(next(count)),
    }).text;
  }

  /** What contains the text, newest first, and the number at which to go on; null at the end. */
  async function matching(needle: string, from: number | null): Promise<{ readonly found: Bulletin[]; readonly older: number | null }> {
    const found: Bulletin[] = [];
    let next = from;
    for (let seen = 0; seen < SEARCH_ROWS && found.length <= PAGE_ROWS; seen += WINDOW_ROWS) {
      const window = await store.window(next, WINDOW_ROWS);
      found.push(...window.filter(({ subject, body }) => `${subject}\n${body}`.toLowerCase().includes(needle)));
      if (window.length < WINDOW_ROWS) return { found, older: null };
      next = (window.at(-1)?.id ?? 1) - 1;
      await plugin.pause();
    }
    return { found, older: next };
  }

  async function remove(words: readonly string[], context: Context): Promise<string> {
    const id = await askedNumber(environment, words, context, "bbs delete 12");
    if (typeof id === "string") return id;
    const found = await store.get(id);
    if (found === null) return t("none", { id });
    if (found.author !== context.senderId && !context.isOperator) return t("not_yours", { id });
    if (found.replies > 0 && !context.isOperator) {
      await store.noteDeleted(id, false);
      await store.empty(id, t("emptied_subject"));
      return t("emptied", { id });
    }
    await store.noteDeleted(id, true);
    const count = await store.remove(found);
    return count === 0 ? t("deleted", { id }) : t("deleted_thread", { id, count });
  }

  return { boards: showBoards, board: choose, list, read, thread, post, reply, search, delete: remove, ...moderation(environment) };
}

function authorOf({ senderId, senderName }: Context) {
  return { author: senderId, author_name: short(senderName, 40), at: Date.now() };
}

/** `SUBJECT | TEXT`; without a bar the text's beginning is the subject. */
function subjectAndText(written: string): { readonly subject: string; readonly body: string } {
  const bar = written.indexOf("|");
  const subject = bar < 0 ? written : written.slice(0, bar);
  const body = bar < 0 ? written : written.slice(bar + 1).trim();
  return { subject: short(subject, bar < 0 ? 34 : SUBJECT_BYTES), body: cutText(body, BODY_BYTES) };
}
