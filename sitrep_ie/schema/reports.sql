-- The tables of `sitrep-ie export --to sqlite`. Spans are half-open offsets in Unicode code points of the
-- document's text; NULL means that the text does not say; flags are 0 or 1; days are ISO dates.
-- `name` is the id that the JSON form has, which is unique in one document only.

CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    title TEXT,
    source TEXT,
    text TEXT NOT NULL,
    published TEXT,
    period_start TEXT,
    period_end TEXT
);
CREATE INDEX documents_by_name ON documents (name);
CREATE INDEX documents_by_published ON documents (published);

-- What a reader of the records should know of the document, such as that it is not in English.
CREATE TABLE warnings (
    document INTEGER NOT NULL REFERENCES documents (id),
    code TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX warnings_by_document ON warnings (document);

CREATE TABLE mentions (
    id INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('mention', 'trigger')),
    type TEXT NOT NULL,
    span_start INTEGER NOT NULL,
    span_end INTEGER NOT NULL,
    text TEXT NOT NULL,
    score REAL NOT NULL,
    UNIQUE (document, name)
);
CREATE INDEX mentions_by_type ON mentions (type);

CREATE TABLE attributes (
    mention INTEGER NOT NULL REFERENCES mentions (id),
    attribute TEXT NOT NULL,
    PRIMARY KEY (mention, attribute)
) WITHOUT ROWID;

CREATE TABLE relations (
    document INTEGER NOT NULL REFERENCES documents (id),
    head INTEGER NOT NULL REFERENCES mentions (id),
    tail INTEGER NOT NULL REFERENCES mentions (id),
    type TEXT NOT NULL,
    score REAL NOT NULL
);
CREATE INDEX relations_by_document ON relations (document);
CREATE INDEX relations_by_head ON relations (head);
CREATE INDEX relations_by_tail ON relations (tail);

-- `evidence` is the sentences that the event rests on; their spans are in `spans`.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    score REAL NOT NULL,
    modality TEXT NOT NULL,
    aggregate INTEGER NOT NULL,
    release INTEGER NOT NULL,
    start_date TEXT,
    end_date TEXT,
    time_precision TEXT,
    time_anchor TEXT NOT NULL,
    time_text TEXT,
    parent INTEGER REFERENCES events (id) DEFERRABLE INITIALLY DEFERRED,
    evidence TEXT NOT NULL,
    UNIQUE (document, name)
);
CREATE INDEX events_by_type ON events (type);
CREATE INDEX events_by_date ON events (start_date, end_date);
CREATE INDEX events_by_parent ON events (parent);

CREATE TABLE triggers (
    event INTEGER NOT NULL REFERENCES events (id),
    text TEXT NOT NULL,
    span_start INTEGER NOT NULL,
    span_end INTEGER NOT NULL
);
CREATE INDEX triggers_by_event ON triggers (event);

-- What an event's time was read from, and the sentences of its evidence.
CREATE TABLE spans (
    event INTEGER NOT NULL REFERENCES events (id),
    use TEXT NOT NULL CHECK (use IN ('time', 'evidence')),
    span_start INTEGER NOT NULL,
    span_end INTEGER NOT NULL
);
CREATE INDEX spans_by_event ON spans (event);

-- The days of an event that took place on separate ones.
CREATE TABLE days (
    event INTEGER NOT NULL REFERENCES events (id),
    day TEXT NOT NULL
);
CREATE INDEX days_by_event ON days (event);

-- `other` is a part or result of the event (child), or one of those that it sums up (item).
CREATE TABLE links (
    event INTEGER NOT NULL REFERENCES events (id) DEFERRABLE INITIALLY DEFERRED,
    kind TEXT NOT NULL CHECK (kind IN ('child', 'item')),
    other INTEGER NOT NULL REFERENCES events (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX links_by_event ON links (event);
CREATE INDEX links_by_other ON links (other);

-- `members` and `within` are JSON lists of names, for json_each().
CREATE TABLE actors (
    id INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES events (id),
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    span_start INTEGER NOT NULL,
    span_end INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    country TEXT,
    affiliation TEXT,
    members TEXT NOT NULL,
    score REAL NOT NULL
);
CREATE INDEX actors_by_event ON actors (event);
CREATE INDEX actors_by_name ON actors (name);

CREATE TABLE objects (
    id INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES events (id),
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    span_start INTEGER NOT NULL,
    span_end INTEGER NOT NULL,
    score REAL NOT NULL
);
CREATE INDEX objects_by_event ON objects (event);

-- Amounts that stand for what they count: "killing two".
CREATE TABLE amounts (
    id INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES events (id),
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    span_start INTEGER NOT NULL,
    span_end INTEGER NOT NULL,
    score REAL NOT NULL
);
CREATE INDEX amounts_by_event ON amounts (event);

CREATE TABLE places (
    id INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES events (id),
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    span_start INTEGER NOT NULL,
    span_end INTEGER NOT NULL,
    within TEXT NOT NULL,
    name TEXT,
    gazetteer_id TEXT,
    latitude REAL,
    longitude REAL,
    country TEXT,
    precision TEXT NOT NULL,
    score REAL NOT NULL
);
CREATE INDEX places_by_event ON places (event);
CREATE INDEX places_by_name ON places (name);
CREATE INDEX places_by_position ON places (latitude, longitude);

-- Things and places that the event damaged or seized; `object` or `place` has the rest.
CREATE TABLE losses (
    id INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES events (id),
    outcome TEXT NOT NULL CHECK (outcome IN ('damaged', 'seized')),
    kind TEXT NOT NULL CHECK (kind IN ('object', 'place')),
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    span_start INTEGER NOT NULL,
    span_end INTEGER NOT NULL,
    within TEXT,
    name TEXT,
    gazetteer_id TEXT,
    latitude REAL,
    longitude REAL,
    country TEXT,
    precision TEXT,
    score REAL NOT NULL
);
CREATE INDEX losses_by_event ON losses (event);

-- Numbers, each of an event or of one thing in it. `kind` is "count" (of occurrences), an outcome ("killed",
-- "injured", ...), or "amount": how many or how much of the actor, object, amount or loss that is named.
CREATE TABLE quantities (
    id INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES events (id),
    kind TEXT NOT NULL,
    actor INTEGER REFERENCES actors (id),
    object INTEGER REFERENCES objects (id),
    amount INTEGER REFERENCES amounts (id),
    loss INTEGER REFERENCES losses (id),
    low REAL,
    best REAL,
    high REAL,
    qualifier TEXT NOT NULL,
    unit TEXT,
    text TEXT,
    span_start INTEGER,
    span_end INTEGER
);
CREATE INDEX quantities_by_event ON quantities (event, kind);
CREATE INDEX quantities_by_actor ON quantities (actor);
CREATE INDEX quantities_by_object ON quantities (object);
CREATE INDEX quantities_by_amount ON quantities (amount);
CREATE INDEX quantities_by_loss ON quantities (loss);

-- What an aggregate states against what its items add up to; outcome NULL is the number of occurrences.
CREATE TABLE totals (
    event INTEGER NOT NULL REFERENCES events (id),
    outcome TEXT,
    stated REAL,
    summed REAL,
    agrees INTEGER
);
CREATE INDEX totals_by_event ON totals (event);

-- Full text: SELECT ... FROM events JOIN events_text ON events.id = events_text.rowid
-- WHERE events_text MATCH 'NEAR(convoy border)'.
CREATE VIRTUAL TABLE documents_text USING fts5 (
    title, text, content = 'documents', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE events_text USING fts5 (
    evidence, content = 'events', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
