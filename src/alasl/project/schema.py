"""The tables of a project's store, version by version.

`MIGRATIONS[v]` brings a store from version v - 1 to version v; a new store takes all of them, so
that there is one way to every version. Once released, a statement is never changed: add a version.
"""

from __future__ import annotations

from alasl.project import blocks, checksums

APPLICATION = 0x414C4153  # "ALAS": tells our files from other SQLite files

_VERSION_1 = (
    # What was given. A row of the table is one blob of int8, as 8 million rows of entries would
    # take minutes to write and none of them ever changes.
    "CREATE TABLE labels (label INTEGER PRIMARY KEY, name NOT NULL)",
    "CREATE TABLE images (image INTEGER PRIMARY KEY, name NOT NULL, file, role TEXT NOT NULL,"
    " given BLOB NOT NULL)",
    "CREATE TABLE people (person INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " answers INTEGER NOT NULL DEFAULT 0, skips INTEGER NOT NULL DEFAULT 0,"
    " seconds REAL NOT NULL DEFAULT 0)",
    "CREATE TABLE notes (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    # What happened. `act` is the id of the first event of one request: they stand and fall
    # together. Only that first event carries the request.
    "CREATE TABLE events (id INTEGER PRIMARY KEY, act INTEGER NOT NULL,"
    " request TEXT, at REAL NOT NULL, person INTEGER NOT NULL REFERENCES people,"
    " kind TEXT NOT NULL, image INTEGER, label INTEGER, value INTEGER, seconds REAL,"
    " probability REAL, model TEXT, shown INTEGER, round INTEGER, undoes INTEGER, source TEXT)",
    "CREATE UNIQUE INDEX events_request ON events (request) WHERE request IS NOT NULL",
    "CREATE INDEX events_act ON events (act)",
    "CREATE INDEX events_person ON events (person, id) WHERE request IS NOT NULL",
    "CREATE INDEX events_entry ON events (image, label, person)",
    "CREATE UNIQUE INDEX events_undoes ON events (undoes) WHERE undoes IS NOT NULL",
    # The state, kept in the same transaction as the events that it is made from: a plain view
    # would have to walk through all events for every image that is handed out.
    "CREATE TABLE standing (image INTEGER, label INTEGER, person INTEGER, value INTEGER NOT NULL,"
    " kind TEXT NOT NULL, event INTEGER NOT NULL, PRIMARY KEY (image, label, person))"
    " WITHOUT ROWID",
    "CREATE TABLE resolved (image INTEGER, label INTEGER, value INTEGER NOT NULL,"
    " event INTEGER NOT NULL, PRIMARY KEY (image, label)) WITHOUT ROWID",
    "CREATE TABLE skips (person INTEGER, image INTEGER, event INTEGER NOT NULL,"
    " PRIMARY KEY (person, image)) WITHOUT ROWID",
    # What is asked now: a slot is one answer by one person. `person` and `until` say who holds it,
    # or who filled it. An entry that is asked twice has two slots.
    "CREATE TABLE queue (place INTEGER PRIMARY KEY, image INTEGER NOT NULL, label INTEGER NOT NULL,"
    " score REAL, probability REAL, model TEXT, round INTEGER NOT NULL,"
    " golden INTEGER NOT NULL DEFAULT 0, person INTEGER, until REAL NOT NULL DEFAULT 0,"
    " done INTEGER NOT NULL DEFAULT 0)",
    "CREATE INDEX queue_open ON queue (place) WHERE done = 0",
    "CREATE INDEX queue_label ON queue (label, place) WHERE done = 0",
    "CREATE INDEX queue_image ON queue (image, label)",
    "CREATE INDEX queue_held ON queue (person) WHERE done = 0 AND person IS NOT NULL",
    "CREATE TABLE counts (label INTEGER PRIMARY KEY, slots INTEGER NOT NULL DEFAULT 0,"
    " left INTEGER NOT NULL DEFAULT 0)",
    # Counts that every page shows, so that showing them costs a row a label and a row a person.
    "CREATE TRIGGER queue_grows AFTER INSERT ON queue BEGIN UPDATE counts SET slots = slots + 1,"
    " left = left + (NEW.done = 0) WHERE label = NEW.label; END",
    "CREATE TRIGGER queue_shrinks AFTER DELETE ON queue BEGIN UPDATE counts SET slots = slots - 1,"
    " left = left - (OLD.done = 0) WHERE label = OLD.label; END",
    "CREATE TRIGGER queue_turns AFTER UPDATE OF done ON queue WHEN OLD.done <> NEW.done BEGIN"
    " UPDATE counts SET left = left + OLD.done - NEW.done WHERE label = NEW.label; END",
    "CREATE TRIGGER standing_grows AFTER INSERT ON standing BEGIN"
    " UPDATE people SET answers = answers + 1 WHERE person = NEW.person; END",
    "CREATE TRIGGER standing_shrinks AFTER DELETE ON standing BEGIN"
    " UPDATE people SET answers = answers - 1 WHERE person = OLD.person; END",
    "CREATE TRIGGER skips_grow AFTER INSERT ON skips BEGIN"
    " UPDATE people SET skips = skips + 1 WHERE person = NEW.person; END",
    "CREATE TRIGGER skips_shrink AFTER DELETE ON skips BEGIN"
    " UPDATE people SET skips = skips - 1 WHERE person = OLD.person; END",
    # Promises, kept by the database itself.
    "CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN"
    " SELECT RAISE(ABORT, 'an event is never changed'); END",
    "CREATE TRIGGER events_remain BEFORE DELETE ON events BEGIN"
    " SELECT RAISE(ABORT, 'an event is never deleted'); END",
    "CREATE TRIGGER given_stays BEFORE UPDATE OF given ON images BEGIN"
    " SELECT RAISE(ABORT, 'what was given is never changed'); END",
)

_VERSION_2 = (
    # What a model trained on the answers so far was worth: the curve of mAP against answers.
    "CREATE TABLE trainings (training INTEGER PRIMARY KEY, at REAL NOT NULL,"
    " event INTEGER NOT NULL, answers INTEGER NOT NULL, seconds REAL NOT NULL,"
    " took REAL NOT NULL, map REAL, ap TEXT NOT NULL, model TEXT NOT NULL, judged TEXT NOT NULL)",
    "CREATE TRIGGER trainings_stay BEFORE UPDATE ON trainings BEGIN"
    " SELECT RAISE(ABORT, 'a training is never changed'); END",
)

_VERSION_3 = (
    "ALTER TABLE queue RENAME COLUMN golden TO gold",
    # Why an entry is asked, and with what probability chance drew it, where it did.
    "ALTER TABLE queue ADD COLUMN why TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE queue ADD COLUMN pi REAL",
    "ALTER TABLE events ADD COLUMN why TEXT",
    "ALTER TABLE events ADD COLUMN pi REAL",
)

_VERSION_4 = (
    # Changes of labels and images: what each was, as JSON; its labels and images came with it.
    "ALTER TABLE events ADD COLUMN detail TEXT",
    "CREATE INDEX events_change ON events (id) WHERE kind = 'change'",
    "ALTER TABLE labels ADD COLUMN since INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE images ADD COLUMN since INTEGER NOT NULL DEFAULT 0",
    # The labels that `ap` is of; NULL: those that the project began with.
    "ALTER TABLE trainings ADD COLUMN labels TEXT",
)

_VERSION_5 = (
    # With what chance the audit drew each entry of a label; see `records.Chances`.
    "CREATE TABLE chances (label INTEGER PRIMARY KEY, images BLOB NOT NULL,"
    " before BLOB NOT NULL, now BLOB NOT NULL)",
    # What a training's mAP rests on, as JSON; see `records.Ground`.
    "ALTER TABLE trainings ADD COLUMN ground TEXT",
)

_VERSION_6 = (
    # Checksums of all that cannot be made again, and what is asked again found by itself.
    *checksums.statements(),
    "CREATE INDEX events_recheck ON events (image, label, person) WHERE why = 'recheck'",
)

# Of an image of which little was given, known entries alone are kept; see `initial`. What stands is
# read as before, but what is written now would be misread before. And checksums take less time.
_VERSION_7 = (*checksums.anew(),)

# Images by the block, so that millions are opened without reading each.
_VERSION_8 = (*blocks.statements(),)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (),
    _VERSION_1,
    _VERSION_2,
    _VERSION_3,
    _VERSION_4,
    _VERSION_5,
    _VERSION_6,
    _VERSION_7,
    _VERSION_8,
)

VERSION = len(MIGRATIONS) - 1
