-- What the detector makes of an alarm, and whose work it is. An alarm of kind `detector` is raised by a verdict; an
-- alarm of another kind may carry one as evidence, so that one condition stays one alarm.
ALTER TABLE alarm
    ADD COLUMN audience text NOT NULL DEFAULT 'inspector' CHECK (audience IN ('inspector', 'venue')),
    ADD COLUMN verdict  text,       -- dosing_failure, sensor_fouling, …: monitor/detector/verdict.py
    ADD COLUMN sureness float8,     -- 0–1
    ADD COLUMN evidence jsonb;      -- which readings and which tests spoke
CREATE INDEX ON alarm (audience, raised_at);

-- `verdict`: the detector changed its mind; `feedback`: an inspector said whether the alarm was true, which moves the
-- site's sensitivity; `feedback_undone`: they took it back.
ALTER TABLE alarm_event DROP CONSTRAINT alarm_event_event_check;
ALTER TABLE alarm_event
    ADD CONSTRAINT alarm_event_event_check CHECK (event IN
        ('raised', 'acknowledged', 'returned', 'worsened', 'comment', 'verdict', 'feedback', 'feedback_undone')),
    ADD COLUMN detail jsonb;
CREATE INDEX ON alarm_event (at) WHERE event IN ('feedback', 'feedback_undone');
