-- All cases of a book, newest first, and those that came to an order: who asks "the first time?" asks by site.
CREATE INDEX case_opened ON case_record (simulated, opened_at DESC, id DESC);
CREATE INDEX case_measure_due ON case_record (measure_due_at) WHERE measure = 'rectification';
