/** Entry N brings version N to N + 1, once: later versions add entries at the end. */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    // `thread`: the bulletin that a reply belongs to. `origin`: where an imported one came from.
    `CREATE TABLE bulletins (
       id INTEGER PRIMARY KEY AUTOINCREMENT, board TEXT NOT NULL, thread INTEGER, subject TEXT NOT NULL, body TEXT NOT NULL,
       author TEXT NOT NULL, author_name TEXT NOT NULL, at INTEGER NOT NULL, replies INTEGER NOT NULL DEFAULT 0, origin TEXT UNIQUE
     )`,
    "CREATE INDEX bulletins_by_board ON bulletins (board, id) WHERE thread IS NULL",
    "CREATE INDEX bulletins_by_thread ON bulletins (thread, id) WHERE thread IS NOT NULL",
    "CREATE INDEX bulletins_by_author ON bulletins (author)",
    "CREATE INDEX bulletins_by_time ON bulletins (at)",
    // Counted as they come and go: counting rows takes longer the more there are.
    "CREATE TABLE counts (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE blocked (node TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID",
    `CREATE TABLE letters (
       id INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL, sender TEXT NOT NULL, sender_name TEXT NOT NULL,
       subject TEXT NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL, is_read INTEGER NOT NULL DEFAULT 0,
       is_told INTEGER NOT NULL DEFAULT 0, origin TEXT UNIQUE
     )`,
    "CREATE INDEX letters_by_receiver ON letters (receiver, id)",
    "CREATE INDEX letters_unread ON letters (receiver, id) WHERE is_read = 0",
    "CREATE INDEX letters_untold ON letters (receiver) WHERE is_told = 0",
    "CREATE INDEX letters_by_time ON letters (at)",
    `CREATE TABLE channels (
       id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, frequency TEXT NOT NULL, tone TEXT NOT NULL, place TEXT NOT NULL,
       notes TEXT NOT NULL, author TEXT NOT NULL, author_name TEXT NOT NULL, at INTEGER NOT NULL,
       is_verified INTEGER NOT NULL DEFAULT 0, origin TEXT UNIQUE
     )`,
    // Packets heard of each node and day; a day is 86,400,000 ms since 1970.
    "CREATE TABLE heard (day INTEGER NOT NULL, node TEXT NOT NULL, name TEXT NOT NULL, packets INTEGER NOT NULL, PRIMARY KEY (day, node)) WITHOUT ROWID",
  ],
  // Names of nodes that were never heard here, folded to lower case.
  ["CREATE TABLE names (folded TEXT NOT NULL, node TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (folded, node)) WITHOUT ROWID"],
  ["CREATE INDEX letters_unread_of ON letters (sender) WHERE is_read = 0", "CREATE INDEX letters_read ON letters (id) WHERE is_read = 1"],
  // Bulletins of the region that were deleted here, until the other sites know.
  ["CREATE TABLE region_deleted (key TEXT PRIMARY KEY) WITHOUT ROWID"],
];
