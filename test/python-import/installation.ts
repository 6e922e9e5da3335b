/** An installation of the Python original, with a database of its documented schema. */
import { Database } from "bun:sqlite";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SCHEMA = `
CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE users (
  node_id TEXT PRIMARY KEY, short_name TEXT NOT NULL, long_name TEXT, email TEXT, phone TEXT, address TEXT, tags TEXT,
  permissions TEXT, subscriptions TEXT, last_seen DATETIME, location_lat REAL, location_lon REAL,
  created_at DATETIME DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE bulletins (
  id INTEGER PRIMARY KEY AUTOINCREMENT, board TEXT NOT NULL, sender_id TEXT NOT NULL, sender_name TEXT NOT NULL, subject TEXT NOT NULL,
  content TEXT NOT NULL, timestamp DATETIME NOT NULL, unique_id TEXT UNIQUE NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE mail (
  id INTEGER PRIMARY KEY AUTOINCREMENT, sender_id TEXT NOT NULL, sender_name TEXT NOT NULL, recipient_id TEXT NOT NULL,
  subject TEXT NOT NULL, content TEXT NOT NULL, timestamp DATETIME NOT NULL, read_at DATETIME, unique_id TEXT UNIQUE NOT NULL,
  created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE channels (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, frequency TEXT, description TEXT, added_by TEXT,
  added_at DATETIME DEFAULT CURRENT_TIMESTAMP, channel_type TEXT DEFAULT 'other', location TEXT DEFAULT '',
  coverage_area TEXT DEFAULT '', tone TEXT DEFAULT '', offset TEXT DEFAULT '', verified BOOLEAN DEFAULT FALSE, active BOOLEAN DEFAULT TRUE);
CREATE TABLE checklist (id INTEGER PRIMARY KEY AUTOINCREMENT, node_id TEXT NOT NULL, action TEXT NOT NULL, notes TEXT, timestamp DATETIME);
CREATE TABLE message_history (id INTEGER PRIMARY KEY AUTOINCREMENT, sender_id TEXT NOT NULL, content TEXT NOT NULL, timestamp DATETIME NOT NULL);
`;

const CONFIG = `
app: { name: Valley, log_level: INFO }
meshtastic:
  interfaces:
    - { id: "primary", type: "serial", port: "/dev/ttyUSB7", baud_rate: 921600 }
    - { id: "roof", type: "tcp", host: "192.0.2.7", port: 4403 }
    - { id: "blue", type: "ble", address: "AA:BB:CC:DD:EE:FF" }
  retry_interval: 30
database: { path: "data/zephyrgate.db" }
services:
  bbs:
    enabled: true
    max_mail_per_user: 60
    bulletin_retention_days: 45
    default_board: harbour
    boards: [{ name: general, description: all }, { name: harbour }, { name: two words }]
  emergency: { enabled: true, escalation_timeout: 1800, responders: ["!a1b2c3d4", "Ridge"] }
  bot:
    enabled: true
    auto_response:
      greeting_enabled: true
      greeting_message: "Welcome! Send help."
      custom_rules:
        - { keywords: [test, testing], response: "Received", cooldown_seconds: 60, max_responses_per_hour: 5, enabled: true }
        - { keywords: [old], response: "x", enabled: false }
  weather: { enabled: false, units: metric, default_location: { latitude: 54.47, longitude: 9.05, name: Husum }, sources: {} }
  email: { enabled: false }
scheduled_broadcasts: { enabled: true, broadcasts: [{ name: "Morning News", message: hi, schedule_type: cron, cron_expression: "0 8 * * *", channel: 1 }, { name: Fast, message: x, schedule_type: interval, interval_seconds: 60 }, { name: Gone, message: x, schedule_type: one_time, scheduled_time: "2020-01-01T00:00:00Z" }, { name: Wx, plugin_name: weather_service, schedule_type: cron, cron_expression: "0 8 * * *" }] }
security: { admin_nodes: ["!0a0b0c0d", "nonsense"], trusted_nodes: [] }
logging: { level: WARNING, file: logs/x.log }
`;

/** `daysAgo` as SQLite writes a date. */
function stamp(daysAgo: number): string {
  return new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 19).replace("T", " ");
}

export function pythonInstallation(extraBulletins = 0): string {
  const folder = mkdtempSync(join(tmpdir(), "zg-python-"));
  mkdirSync(join(folder, "config"));
  mkdirSync(join(folder, "data"));
  writeFileSync(join(folder, "config/config.yaml"), CONFIG);
  const database = new Database(join(folder, "data/zephyrgate.db"), { create: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run(SCHEMA);
  const user = database.query("INSERT INTO users (node_id, short_name, long_name, email) VALUES (?, ?, ?, ?)");
  user.run("!0000aaaa", "RDG", "Ridge Cabin", "ridge@example.org");
  user.run("!0000bbbb", "MILL", "Old Mill", null);
  const post = database.query(
    "INSERT INTO bulletins (board, sender_id, sender_name, subject, content, timestamp, unique_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  post.run("harbour", "!0000aaaa", "Ridge Cabin", "Boat for sale", "4 m, red", stamp(2), "u1");
  post.run("closed", "!0000bbbb", "Old Mill", "Ladder?", "Who has one", stamp(1), "u2");
  post.run("general", "!0000aaaa", "Ridge Cabin", "Ancient", "gone", stamp(400), "u3");
  post.run("general", "somebody", "?", "No id", "x", stamp(1), "u4");
  for (let at = 0; at < extraBulletins; at++)
    post.run("general", "!0000aaaa", "Ridge Cabin", `Number ${at}`, "x".repeat(150), stamp(3), `e${at}`);
  const letter = database.query(
    "INSERT INTO mail (sender_id, sender_name, recipient_id, subject, content, timestamp, read_at, unique_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  letter.run("!0000aaaa", "Ridge Cabin", "!00000002", "Tea", "Come over", stamp(3), null, "m1");
  letter.run("!0000bbbb", "Old Mill", "!00000002", "Read one", "seen", stamp(4), stamp(3), "m2");
  database.run(
    "INSERT INTO channels (name, frequency, description, added_by, location, tone, verified) VALUES ('Repeater', '145.600', 'all day', '!0000aaaa', 'Mt Foo', '88.5', 1)",
  );
  database.run("INSERT INTO channels (name, active) VALUES ('Dead', 0)");
  database.run("INSERT INTO checklist (node_id, action) VALUES ('!0000aaaa', 'checkout')");
  database.close();
  return folder;
}
