-- 一户一档 and 一人一档: what is known of a venue and of the people who answer for it, besides what it measures.

CREATE TABLE site_licence (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site        text NOT NULL REFERENCES site ON DELETE CASCADE,
    kind        text NOT NULL,               -- e.g. 公共场所卫生许可证
    number      text NOT NULL,
    authority   text NOT NULL,
    issued_on   date NOT NULL,
    valid_until date NOT NULL CHECK (valid_until > issued_on),
    entered_by  text NOT NULL,
    entered_at  timestamptz NOT NULL,
    UNIQUE (site, kind, number, issued_on)
);

-- Somebody who answers for venues; one row a person, whatever number of venues.
CREATE TABLE responsible_person (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    phone      text NOT NULL DEFAULT '',
    entered_by text NOT NULL,
    entered_at timestamptz NOT NULL
);

CREATE TABLE responsible_for (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person     bigint NOT NULL REFERENCES responsible_person,
    site       text NOT NULL REFERENCES site ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('legal', 'hygiene', 'water')),
    since      date NOT NULL,
    until      date CHECK (until >= since),
    entered_by text NOT NULL,
    entered_at timestamptz NOT NULL
);
CREATE INDEX ON responsible_for (site);
CREATE INDEX ON responsible_for (person);

-- Health certificates and trainings of those people.
CREATE TABLE person_certificate (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person      bigint NOT NULL REFERENCES responsible_person ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('health', 'training')),
    name        text NOT NULL,
    number      text NOT NULL DEFAULT '',
    issued_on   date NOT NULL,
    valid_until date CHECK (valid_until > issued_on),
    entered_by  text NOT NULL,
    entered_at  timestamptz NOT NULL
);
CREATE INDEX ON person_certificate (person);

-- What a venue found when it looked itself (自查). A line of `items` is {"item", "in_order", "note"}.
CREATE TABLE self_inspection (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site         text NOT NULL REFERENCES site ON DELETE CASCADE,
    inspected_on date NOT NULL,
    inspected_by text NOT NULL,
    items        jsonb NOT NULL,
    note         text NOT NULL DEFAULT '',
    entered_by   text NOT NULL,
    entered_at   timestamptz NOT NULL
);
CREATE INDEX ON self_inspection (site, inspected_on);
