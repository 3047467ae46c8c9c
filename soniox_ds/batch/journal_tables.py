"""The tables of the journal."""

from __future__ import annotations

import re
import secrets
import sqlite3
from pathlib import Path

from soniox_ds.exceptions import JournalError

__all__ = ["prepare"]

VERSION = 6
APPLICATION_ID = 0x73786473  # "sxds"
ID = re.compile("[0-9a-f]{8}")

TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    job_key TEXT NOT NULL, generation INTEGER NOT NULL, reference TEXT NOT NULL, service TEXT NOT NULL,
    state TEXT NOT NULL, source TEXT NOT NULL, model TEXT NOT NULL, options_hash TEXT NOT NULL,
    file_id TEXT, file_gone INTEGER NOT NULL, transcription_id TEXT, transcription_gone INTEGER NOT NULL,
    duration_ms INTEGER, submitted_at TEXT, completed_at TEXT, error_type TEXT, error_message TEXT,
    changed_at REAL NOT NULL, resolved_model TEXT, key_fingerprint TEXT,
    PRIMARY KEY (job_key, generation));
CREATE UNIQUE INDEX IF NOT EXISTS jobs_by_reference ON jobs (reference);
CREATE INDEX IF NOT EXISTS jobs_not_clean ON jobs (service)
    WHERE (file_id IS NOT NULL AND NOT file_gone) OR (transcription_id IS NOT NULL AND NOT transcription_gone)
          OR state IN ('uploading', 'creating');
CREATE TABLE IF NOT EXISTS transcripts (
    job_key TEXT PRIMARY KEY, bytes INTEGER NOT NULL, zstd BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS placements (
    job_key TEXT NOT NULL, folder TEXT NOT NULL, save TEXT NOT NULL, audio_id TEXT NOT NULL, reference TEXT NOT NULL,
    PRIMARY KEY (job_key, folder));
CREATE INDEX IF NOT EXISTS placements_by_save ON placements (folder, save);
CREATE TABLE IF NOT EXISTS lost (
    reference TEXT PRIMARY KEY, service TEXT NOT NULL, kind TEXT NOT NULL, noted_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS claims (job_key TEXT PRIMARY KEY, run TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS claims_by_run ON claims (run);
CREATE TABLE IF NOT EXISTS inspected (
    path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL, duration_ms INTEGER, filename TEXT NOT NULL, warnings TEXT NOT NULL,
    channels INTEGER, channel_bytes_per_s INTEGER);
CREATE TABLE IF NOT EXISTS cuts (
    sha256 TEXT NOT NULL, longest_ms INTEGER NOT NULL, cuts_ms TEXT NOT NULL, PRIMARY KEY (sha256, longest_ms));
CREATE TABLE IF NOT EXISTS deliveries (
    transcription_id TEXT PRIMARY KEY, status TEXT NOT NULL, received_at REAL NOT NULL);
"""
ADDED_COLUMNS = {
    "jobs": {"resolved_model": "TEXT", "key_fingerprint": "TEXT"},
    "inspected": {"channels": "INTEGER", "channel_bytes_per_s": "INTEGER"},
}
"""Columns that tables of earlier versions lack, with their types."""


def prepare(db: sqlite3.Connection, path: Path) -> str:
    """Make the tables if they do not exist, and return the id of the journal.

    Raises
    ------
    JournalError
        If the file belongs to another program or to a newer version of this one.
    sqlite3.Error
        If the file cannot be read or written, or is not a database.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    if owner != APPLICATION_ID and (owner or version or db.execute("SELECT 1 FROM sqlite_master").fetchone()):
        raise JournalError(f"{path} is the database of another program, not a journal; name another file.")
    if version > VERSION:
        raise JournalError(
            f"the journal {path} was written by a newer soniox_ds (version {version}, this one reads {VERSION}); "
            "upgrade soniox_ds, or name another journal."
        )
    if version < VERSION:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("BEGIN IMMEDIATE")  # One process at a time makes all the changes, or none.
        for statement in TABLES.split(";")[:-1]:
            db.execute(statement)
        for table, columns in ADDED_COLUMNS.items():
            present = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
            for name, kind in columns.items():
                if name not in present:
                    db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
        db.execute("INSERT OR IGNORE INTO meta VALUES ('journal_id', ?)", [secrets.token_hex(4)])
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute(f"PRAGMA user_version={VERSION}")
        db.execute("COMMIT")
    id_row = db.execute("SELECT value FROM meta WHERE name='journal_id'").fetchone()
    if id_row is None or not isinstance(id_row[0], str) or not ID.fullmatch(id_row[0]):
        raise sqlite3.DatabaseError("it is damaged: its own id is missing")
    return id_row[0]
