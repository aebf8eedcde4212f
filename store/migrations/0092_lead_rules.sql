-- When a warning becomes a lead by itself: of this severity, for inspectors, present and not muted for so long.
-- Without a row a person decides.
CREATE TABLE lead_rule (
    severity      text PRIMARY KEY CHECK (severity IN ('warning', 'alarm', 'serious')),
    after_minutes integer NOT NULL CHECK (after_minutes BETWEEN 0 AND 10080),
    reason        text NOT NULL,
    set_by        text NOT NULL,
    set_at        timestamptz NOT NULL
);
