-- Working hours of the agency, by the clock of each site's zone. No row: the design default of monitor/notify/model.py.
CREATE TABLE notify_office (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    begins     time NOT NULL,
    ends       time NOT NULL CHECK (ends > begins),
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);
