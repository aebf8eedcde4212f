-- What exists, as `registry` models it. 一户一档: everything about a site hangs on it.
CREATE TABLE site (
    code          text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_-]+$'),
    county        text NOT NULL,
    status        text NOT NULL CHECK (status IN ('live', 'simulated', 'offline')),
    scenario      text NOT NULL,
    name_zh       text NOT NULL,
    name_en       text NOT NULL,
    lon           float8 NOT NULL,
    lat           float8 NOT NULL,
    zone          text NOT NULL,
    opening       jsonb NOT NULL,
    disinfection  text[] NOT NULL,
    registered_at timestamptz NOT NULL
);

CREATE TABLE sampling_point (
    site       text NOT NULL REFERENCES site ON DELETE CASCADE,
    code       text NOT NULL CHECK (code ~ '^[A-Za-z0-9_-]+$'),
    name_zh    text NOT NULL,
    name_en    text NOT NULL,
    water_kind text NOT NULL,
    volume_m3  float8 NOT NULL,
    PRIMARY KEY (site, code)
);

CREATE TABLE device (
    code           text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_-]+$'),
    site           text NOT NULL,
    sampling_point text NOT NULL,
    period_s       integer NOT NULL CHECK (period_s > 0),
    dialect        text NOT NULL,
    FOREIGN KEY (site, sampling_point) REFERENCES sampling_point ON DELETE CASCADE
);

CREATE TABLE channel (
    id        integer PRIMARY KEY,
    device    text NOT NULL REFERENCES device ON DELETE CASCADE,
    indicator text NOT NULL,
    UNIQUE (device, indicator)
);

-- People who sign in. `counties` empty means all of them.
CREATE TABLE person (
    username      text PRIMARY KEY,
    name          text NOT NULL,
    role          text NOT NULL CHECK (role IN ('centre', 'inspector', 'venue', 'administrator', 'public')),
    counties      text[] NOT NULL DEFAULT '{}',
    site          text REFERENCES site,
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL
);
