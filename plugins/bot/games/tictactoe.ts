import type { CommandContext, Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import type { Scores } from "../scores.ts";
import { wordsOf } from "../words.ts";

type Mark = "X" | "O";
type Board = readonly (Mark | null)[];

const TIMEOUT_S = 900;
const POINTS = 3;
const LINES = [
  [0, 1, 2],
  [3, 4, 5],
  [6, 7, 8],
  [0, 3, 6],
  [1, 4, 7],
  [2, 5, 8],
  [0, 4, 8],
  [2, 4, 6],
] as const;
const LIKED = [4, 0, 2, 6, 8, 1, 3, 5, 7] as const;

/** The same moves lead to the same board, so a game goes on after a restart from the player's answers alone. */
export class TicTacToe {
  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly scores: Scores,
  ) {}

  async play(context: CommandContext): Promise<string> {
    const t = wordsOf(this.plugin);
    let board: Board = Array.from({ length: 9 }, () => null);
    let odd = "";
    for (;;) {
      const answer = await context.ask(odd + t("ttt", { board: drawn(board) }), { timeout: TIMEOUT_S });
      if (answer === null) return t("ttt_left");
      const at = /^[1-9]$/.test(answer.trim()) ? Number(answer) - 1 : -1;
      odd = at < 0 ? t("ttt_odd") : board[at] === null ? "" : t("ttt_taken");
      if (odd !== "") continue;
      board = set(board, at, "X");
      if (hasWon(board, "X")) return t("ttt_won", { board: drawn(board), points: await this.scores.add(context, POINTS) });
      if (!board.includes(null)) return t("ttt_draw", { board: drawn(board) });
      board = set(board, reply(board), "O");
      if (hasWon(board, "O")) return t("ttt_lost", { board: drawn(board) });
    }
  }
}

/** It wins where it can, blocks where it must, and else takes the field it likes best: two threats at once beat it. */
export function reply(board: Board): number {
  const free = LIKED.filter((at) => board[at] === null);
  const winning = (mark: Mark) => free.find((at) => hasWon(set(board, at, mark), mark));
  return winning("O") ?? winning("X") ?? free[0] ?? 0;
}

function hasWon(board: Board, mark: Mark): boolean {
  return LINES.some((line) => line.every((at) => board[at] === mark));
}

function set(board: Board, at: number, mark: Mark): Board {
  return board.map((field, index) => (index === at ? mark : field));
}

function drawn(board: Board): string {
  const field = (at: number) => board[at] ?? String(at + 1);
  return [0, 3, 6].map((row) => `${field(row)}|${field(row + 1)}|${field(row + 2)}`).join("\n");
}
