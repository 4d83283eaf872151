-- How often the journal was committed: what the registry has copies of says up to which (registry-5.sql).
ALTER TABLE counter ADD COLUMN commits INTEGER NOT NULL DEFAULT 0;
