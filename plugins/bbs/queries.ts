/** Every question to the database that a user's list or page asks; a test looks at the plan of each. */
export const QUERIES = {
  boardCount: "SELECT n FROM counts WHERE name = ?",
  boardList: "SELECT * FROM bulletins WHERE board = ? AND thread IS NULL AND id <= ? ORDER BY id DESC LIMIT ?",
  bulletin: "SELECT * FROM bulletins WHERE id = ?",
  thread: "SELECT * FROM bulletins WHERE thread = ? AND thread IS NOT NULL AND id >= ? ORDER BY id LIMIT ?",
  window: "SELECT * FROM bulletins WHERE id <= ? ORDER BY id DESC LIMIT ?",
  ofAuthor: "SELECT count(*) AS n FROM (SELECT 1 FROM bulletins WHERE author = ? LIMIT ?)",
  inbox: "SELECT * FROM letters WHERE receiver = ? AND id <= ? ORDER BY id DESC LIMIT ?",
  letter: "SELECT * FROM letters WHERE receiver = ? AND id = ?",
  firstUnread: "SELECT * FROM letters WHERE receiver = ? AND is_read = 0 ORDER BY id LIMIT 1",
  unreadCount: "SELECT count(*) AS n FROM letters WHERE receiver = ? AND is_read = 0",
  letterCount: "SELECT count(*) AS n FROM letters WHERE receiver = ?",
  unreadOf: "SELECT count(*) AS n FROM (SELECT 1 FROM letters WHERE sender = ? AND is_read = 0 LIMIT ?)",
  untold: "SELECT sender_name FROM letters WHERE receiver = ? AND is_told = 0 ORDER BY rowid DESC LIMIT ?",
  named: "SELECT node, name FROM names WHERE folded = ? LIMIT 2",
  channelList: "SELECT * FROM channels WHERE id >= ? ORDER BY id LIMIT ?",
  channel: "SELECT * FROM channels WHERE id = ?",
} as const;
